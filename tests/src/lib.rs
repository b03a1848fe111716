//! What whole-binary tests share.
