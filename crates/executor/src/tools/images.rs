//! Which images a model can be shown.

/// Returns the type of an image by its first bytes, whatever its name says.
pub(crate) fn mime(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::mime;

    #[test]
    fn an_image_is_known_by_its_bytes() {
        let check = |bytes: &[u8], expected: Option<&str>| assert_eq!(mime(bytes), expected, "{bytes:?}");
        check(b"\x89PNG\r\n", Some("image/png"));
        check(b"\xFF\xD8\xFF\xE0", Some("image/jpeg"));
        check(b"GIF89a", Some("image/gif"));
        check(b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp"));
        check(b"RIFF\0\0\0\0WAVE", None);
        check(b"#!/bin/sh", None);
        check(b"", None);
    }
}
