//! The allocator of a build against musl, whose own asks the kernel for nearly every block.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dlmalloc::Dlmalloc;

/// `dlmalloc` behind the standard library's lock: two instructions where nobody else wants it, as in the thread that starts a task.
/// The lock that the crate brings is `pthread_mutex_lock` of musl, which takes longer than the allocation.
#[derive(Debug)]
pub struct Allocator {
    heap: Mutex<Heap>,
}

struct Heap(Dlmalloc);

impl std::fmt::Debug for Heap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Heap")
    }
}

// SAFETY: its memory belongs to no thread; whoever has the lock may use it.
unsafe impl Send for Heap {}

impl Allocator {
    /// What the kernel is asked for at a time: one call where a start needs 200 KiB. A page that nothing is written to is not there.
    const AT_A_TIME: usize = 256 << 10;

    #[allow(clippy::new_without_default, reason = "a static calls it, which `default` cannot")]
    pub const fn new() -> Allocator {
        let mut heap = Dlmalloc::new();
        heap.set_granularity(Self::AT_A_TIME);
        Allocator { heap: Mutex::new(Heap(heap)) }
    }

    /// Nothing in here panics while it has the lock, and a panic ends the process.
    fn heap(&self) -> MutexGuard<'_, Heap> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// SAFETY: `dlmalloc` keeps the contract of an allocator, and the lock makes it one for all threads. Each block goes back to where it
// came from with the size and the alignment that it was asked for with: the caller's duty here as there.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { self.heap().0.malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { self.heap().0.free(block, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { self.heap().0.calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { self.heap().0.realloc(block, layout.size(), layout.align(), size) }
    }
}
