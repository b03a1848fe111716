//! `memcpy`, `memmove`, `memset`, `memcmp` and `bcmp` of a static build against musl on x86-64.
//!
//! musl's own are `rep movsq` and a loop over bytes. `rep` takes some 35 ns to begin, and what this program copies is mostly a name
//! of 20 bytes: that was a sixth of what it computes before a command starts. Here a short range is read whole, in two
//! overlapping halves, and then written, which is right for ranges that overlap as well.
//!
//! The loops are assembly, because the compiler puts a call of these functions in the place of a loop that does what they do.

use std::arch::asm;
use std::arch::x86_64::__m128i;
use std::ptr::{read_unaligned, write_unaligned};

/// From here on `rep` is faster than a loop.
const LONG: usize = 1024;

/// Copies `n` bytes as the first `T` and the last `T` of them.
///
/// # Safety
///
/// As for `memmove`; `n` is from the size of `T` to twice that.
#[inline]
unsafe fn two<T: Copy>(to: *mut u8, from: *const u8, n: usize) {
    let last = n - size_of::<T>();
    // SAFETY: the caller's. Both are read before one is written.
    unsafe {
        let (head, tail) = (read_unaligned(from.cast::<T>()), read_unaligned(from.add(last).cast::<T>()));
        write_unaligned(to.cast(), head);
        write_unaligned(to.add(last).cast(), tail);
    }
}

/// Copies at most 128 bytes.
///
/// # Safety
///
/// As for `memmove`.
#[inline]
unsafe fn short(to: *mut u8, from: *const u8, n: usize) {
    // SAFETY: the caller's, with `n` in the bounds that `two` wants.
    unsafe {
        match n {
            0 => {}
            1 => *to = *from,
            2..=3 => two::<u16>(to, from, n),
            4..=7 => two::<u32>(to, from, n),
            8..=16 => two::<u64>(to, from, n),
            17..=32 => two::<__m128i>(to, from, n),
            33..=64 => two::<[__m128i; 2]>(to, from, n),
            _ => two::<[__m128i; 4]>(to, from, n),
        }
    }
}

/// Copies more than 16 bytes from the first to the last.
///
/// # Safety
///
/// As for `memmove`; `to` is below `from`, or the ranges do not overlap.
#[inline]
unsafe fn up(to: *mut u8, from: *const u8, n: usize) {
    // SAFETY: the caller's. The loop ends when at most 16 bytes are left, which are the last ones: they were read first.
    unsafe {
        asm!(
            "movups {end}, [{from} + {left}]",
            "lea {last}, [{to} + {left}]",
            "2:",
            "movups {part}, [{from}]",
            "movups [{to}], {part}",
            "add {from}, 16",
            "add {to}, 16",
            "sub {left}, 16",
            "ja 2b",
            "movups [{last}], {end}",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            left = inout(reg) n - 16 => _,
            last = out(reg) _,
            part = out(xmm_reg) _,
            end = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Copies more than 16 bytes from the last to the first.
///
/// # Safety
///
/// As for `memmove`; `to` is above `from`, or the ranges do not overlap.
#[inline]
unsafe fn down(to: *mut u8, from: *const u8, n: usize) {
    // SAFETY: the caller's. The loop ends when at most 16 bytes are left, which are the first ones: they were read first.
    unsafe {
        asm!(
            "movups {start}, [{from}]",
            "2:",
            "movups {part}, [{from} + {left}]",
            "movups [{to} + {left}], {part}",
            "sub {left}, 16",
            "ja 2b",
            "movups [{to}], {start}",
            from = in(reg) from,
            to = in(reg) to,
            left = inout(reg) n - 16 => _,
            part = out(xmm_reg) _,
            start = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Copies `n` bytes.
///
/// # Safety
///
/// As for C's: `n` bytes are readable at `from` and writable at `to`, and the ranges do not overlap.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub(crate) unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe {
        if n <= 128 {
            short(to, from, n);
        } else if n < LONG {
            up(to, from, n);
        } else {
            asm!(
                "rep movsb",
                inout("rcx") n => _, inout("rsi") from => _, inout("rdi") to => _,
                options(nostack, preserves_flags),
            );
        }
    }
    to
}

/// Copies `n` bytes; the ranges may overlap.
///
/// # Safety
///
/// As for C's: `n` bytes are readable at `from` and writable at `to`.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub(crate) unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller's. What lies between decides the direction: a distance that wraps round is a `to` below `from`.
    unsafe {
        if n <= 128 {
            short(to, from, n);
        } else if to.addr().wrapping_sub(from.addr()) >= n {
            up(to, from, n);
        } else {
            down(to, from, n);
        }
    }
    to
}

/// Fills `n` bytes with the lowest byte of `value`.
///
/// # Safety
///
/// As for C's: `n` bytes are writable at `to`.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub(crate) unsafe extern "C" fn memset(to: *mut u8, value: i32, n: usize) -> *mut u8 {
    let byte = value.to_le_bytes()[0];
    let eight = u64::from(byte) * 0x0101_0101_0101_0101;
    // SAFETY: the caller's; each write is within the first `n` bytes.
    unsafe {
        match n {
            0 => {}
            1..=3 => {
                *to = byte;
                *to.add(n / 2) = byte;
                *to.add(n - 1) = byte;
            }
            4..=7 => {
                let four = u32::from(byte) * 0x0101_0101;
                write_unaligned(to.cast(), four);
                write_unaligned(to.add(n - 4).cast(), four);
            }
            8..=16 => {
                write_unaligned(to.cast(), eight);
                write_unaligned(to.add(n - 8).cast(), eight);
            }
            17..LONG => {
                let sixteen = [eight; 2];
                asm!(
                    "movups {part}, [{pattern}]",
                    "lea {last}, [{to} + {left}]",
                    "2:",
                    "movups [{to}], {part}",
                    "add {to}, 16",
                    "sub {left}, 16",
                    "ja 2b",
                    "movups [{last}], {part}",
                    pattern = in(reg) sixteen.as_ptr(),
                    to = inout(reg) to => _,
                    left = inout(reg) n - 16 => _,
                    last = out(reg) _,
                    part = out(xmm_reg) _,
                    options(nostack),
                );
            }
            _ => asm!(
                "rep stosb",
                inout("rcx") n => _, inout("rdi") to => _, in("al") byte,
                options(nostack, preserves_flags),
            ),
        }
    }
    to
}

/// Compares `n` bytes as unsigned ones.
///
/// # Safety
///
/// As for C's: `n` bytes are readable at both.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub(crate) unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, n: usize) -> i32 {
    let order = |left: u64, right: u64| if left < right { -1 } else { 1 };
    // SAFETY: the caller's; no read goes beyond `n`.
    unsafe {
        let words = |at: usize| [read_unaligned(one.add(at).cast::<u64>()), read_unaligned(other.add(at).cast::<u64>())];
        let halves = |at: usize| [read_unaligned(one.add(at).cast::<u32>()), read_unaligned(other.add(at).cast::<u32>())];
        let mut at = 0;
        while at + 8 <= n {
            let [left, right] = words(at);
            if left != right {
                return order(u64::from_be(left), u64::from_be(right));
            }
            at += 8;
        }
        // The last bytes, with some before them that are the same.
        if n >= 8 {
            let [left, right] = words(n - 8);
            return if left == right { 0 } else { order(u64::from_be(left), u64::from_be(right)) };
        }
        if n >= 4 {
            for at in [0, n - 4] {
                let [left, right] = halves(at);
                if left != right {
                    return order(u64::from(u32::from_be(left)), u64::from(u32::from_be(right)));
                }
            }
            return 0;
        }
        while at < n {
            let (left, right) = (*one.add(at), *other.add(at));
            if left != right {
                return i32::from(left) - i32::from(right);
            }
            at += 1;
        }
    }
    0
}

/// Returns 0 where `n` bytes are the same.
///
/// # Safety
///
/// As for `memcmp`.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub(crate) unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, n: usize) -> i32 {
    // SAFETY: the caller's.
    unsafe { memcmp(one, other, n) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every length that is treated apart, and those around it.
    fn lengths() -> impl Iterator<Item = usize> {
        (0..=300).chain([511, 512, 513, LONG - 1, LONG, LONG + 1, 4099])
    }

    fn numbered(n: usize) -> Vec<u8> {
        (0..n).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    #[test]
    fn what_is_copied_arrives_and_nothing_else_is_written() {
        for n in lengths() {
            for (from, to) in [(0, 0), (1, 0), (0, 1), (3, 8), (15, 7), (16, 31)] {
                let source = numbered(n + 64);
                for copy in [memcpy, memmove] {
                    let mut target = vec![0xEE; n + 64];
                    let mut expected = target.clone();
                    expected[to..to + n].copy_from_slice(&source[from..from + n]);
                    // SAFETY: both have 64 bytes more than `n`, and neither offset is above 31.
                    unsafe { copy(target.as_mut_ptr().add(to), source.as_ptr().add(from), n) };
                    assert!(target == expected, "{n} bytes from {from} to {to}");
                }
            }
        }
    }

    #[test]
    fn ranges_that_overlap_are_moved() {
        for n in lengths() {
            for distance in (0..=140).chain([n / 2, n.saturating_sub(1), n]) {
                for (from, to) in [(0, distance), (distance, 0)] {
                    let mut bytes = numbered(n + distance);
                    let mut expected = bytes.clone();
                    expected.copy_within(from..from + n, to);
                    let start = bytes.as_mut_ptr();
                    // SAFETY: both ranges are in `bytes`.
                    unsafe { memmove(start.add(to), start.add(from), n) };
                    assert!(bytes == expected, "{n} bytes from {from} to {to}");
                }
            }
        }
    }

    #[test]
    fn what_is_filled_is_filled_to_its_ends() {
        for n in lengths() {
            for at in [0, 1, 7, 16] {
                let mut bytes = numbered(n + 32);
                let mut expected = bytes.clone();
                expected[at..at + n].fill(0xA5);
                // SAFETY: `bytes` has 32 more than `n`. Only the low byte of the value counts.
                unsafe { memset(bytes.as_mut_ptr().add(at), 0x7FA5, n) };
                assert!(bytes == expected, "{n} bytes at {at}");
            }
        }
    }

    #[test]
    fn bytes_are_compared_without_a_sign() {
        for n in (0..=70).chain([LONG]) {
            let one = numbered(n);
            // SAFETY: both have `n` bytes.
            assert_eq!(unsafe { memcmp(one.as_ptr(), one.clone().as_ptr(), n) }, 0);
            for at in 0..n {
                let mut other = one.clone();
                other[at] = other[at].wrapping_add(128);
                // What comes later does not count.
                other[at + 1..].fill(0);
                let expected = one.cmp(&other);
                // SAFETY: as above.
                let (compared, same) =
                    unsafe { (memcmp(one.as_ptr(), other.as_ptr(), n), bcmp(one.as_ptr(), other.as_ptr(), n)) };
                assert_eq!(compared.cmp(&0), expected, "{n} bytes, another one at {at}");
                assert_ne!(same, 0);
            }
        }
    }
}
