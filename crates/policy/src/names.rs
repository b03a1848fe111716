use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by short names that nobody from outside chooses: the programs of the tables, and of an agent's own patterns.
pub(crate) type ByName<T> = HashMap<String, T, BuildHasherDefault<Fnv>>;

/// FNV-1a: for a word of a few letters it is much faster than the standard hasher.
#[derive(Clone, Debug)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
