//! What a program says to a call: the few instructions of classic BPF that `assemble` uses, run here as the kernel runs them.

/// What a filter says to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallAnswer {
    Allow,
    /// The call ends with this error.
    Errno(u16),
    /// Somebody outside is asked.
    Ask,
    Kill,
}

/// Offsets in `struct seccomp_data`.
const ARGUMENTS: u32 = 16;

pub(super) fn run(program: &[[u8; 8]], number: i32, arguments: &[u64; 6]) -> CallAnswer {
    let (mut at, mut accumulator) = (0_usize, 0_u32);
    // There is no jump back, so every program ends; one that does not is none of ours.
    while let Some([c0, c1, then, otherwise, k @ ..]) = program.get(at).copied() {
        let (code, k) = (u16::from_le_bytes([c0, c1]), u32::from_le_bytes(k));
        at += 1;
        let branch = |taken: bool| usize::from(if taken { then } else { otherwise });
        match code {
            0x20 => accumulator = load(k, number, arguments),
            0x54 => accumulator &= k,
            0x05 => at += usize::try_from(k).unwrap_or(usize::MAX / 2),
            0x15 => at += branch(accumulator == k),
            0x35 => at += branch(accumulator >= k),
            0x45 => at += branch(accumulator & k != 0),
            0x06 => return answer(k),
            _ => break,
        }
    }
    CallAnswer::Kill
}

/// The filter kills a foreign architecture's call before anybody is asked, so the architecture is this one's.
fn load(offset: u32, number: i32, arguments: &[u64; 6]) -> u32 {
    match offset {
        0 => number.cast_unsigned(),
        4 => AUDIT_ARCH,
        _ => {
            let argument = usize::try_from(offset.saturating_sub(ARGUMENTS) / 8).ok().and_then(|index| arguments.get(index));
            let half = if offset % 8 == 4 { 32 } else { 0 };
            argument.map_or(0, |argument| u32::try_from((argument >> half) & 0xFFFF_FFFF).unwrap_or(0))
        }
    }
}

fn answer(value: u32) -> CallAnswer {
    match value & 0xFFFF_0000 {
        0x7FFF_0000 => CallAnswer::Allow,
        0x7FC0_0000 => CallAnswer::Ask,
        0x0005_0000 => CallAnswer::Errno(u16::try_from(value & 0xFFFF).unwrap_or(u16::MAX)),
        _ => CallAnswer::Kill,
    }
}

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xC000_00B7;
