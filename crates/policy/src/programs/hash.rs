//! The hash under which a program's name is found (FNV-1a, 64 bits). The build script uses it too.

pub(crate) fn hash(name: &str) -> usize {
    let mixed =
        name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    usize::try_from((mixed ^ (mixed >> 32)) & 0xFFFF_FFFF).unwrap_or(0)
}
