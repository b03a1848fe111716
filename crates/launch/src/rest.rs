//! What a process that only waits can do without.

use crate::sys;

/// Lets go of the pages of this program's code that are mapped: what runs next is mapped again from the page cache, a few pages
/// instead of all that ran since the start. For a process that is about to wait for long.
///
/// A kernel that does not let it costs nothing but the memory.
pub fn let_go_of_code() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    let here = let_go_of_code as fn() as usize;
    if let Some((start, end)) = code_around(&maps, here) {
        // The pages stay where they are then.
        let _ = sys::forget_code(start, end - start);
    }
}

/// Returns from where to where the mapping of a file reaches that holds an address of code, which nothing can have written to.
fn code_around(maps: &str, address: usize) -> Option<(usize, usize)> {
    maps.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        let is_code = words.next()? == "r-xp" && words.nth(3)?.starts_with('/');
        (is_code && (start..end).contains(&address)).then_some((start, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_code_of_a_file_is_found() {
        let maps = "\
            1000-2000 r--p 00000000 fe:00 7   /usr/bin/remit\n\
            2000-5000 r-xp 00001000 fe:00 7   /usr/bin/remit\n\
            5000-6000 rw-p 00004000 fe:00 7   /usr/bin/remit\n\
            7000-8000 r-xp 00000000 00:00 0 \n\
            9000-a000 rwxp 00000000 fe:00 8   /usr/lib/other.so\n\
            b000-c000 r-xp 00000000 00:00 0   [vdso]\n\
            nonsense\n";
        let check = |address, expected| assert_eq!(code_around(maps, address), expected, "{address:x}");
        check(0x2000, Some((0x2000, 0x5000)));
        check(0x4fff, Some((0x2000, 0x5000)));
        for address in [0, 0x1800, 0x5000, 0x7800, 0x9800, 0xb800] {
            check(address, None);
        }
    }

    #[test]
    fn the_program_goes_on() {
        let before: Vec<u64> = (0..1000).collect();
        for _ in 0..3 {
            let_go_of_code();
        }
        assert_eq!(before.iter().sum::<u64>(), 499_500);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(code_around(&maps, let_go_of_code as fn() as usize).is_some(), "{maps}");
    }
}
