//! `$'…'`: a string with escapes as in C.

use crate::Dynamic;
use crate::cursor::{Parser, Read};
use crate::raw::Raw;

impl Parser<'_, '_> {
    /// Reads the string after `$'`, to the quote that closes it.
    pub(crate) fn ansi(&mut self, start: usize, word: &mut Raw) -> Read<()> {
        let mut bytes = Vec::new();
        let mut locale = false;
        // A NUL ends what the string says, though not the string.
        let mut ended = false;
        loop {
            let Some(character) = self.peek_raw() else { return Err(self.stop("a quote is not closed", start)) };
            self.bump(character);
            let code = match character {
                '\'' => break,
                '\\' => self.escape(start)?,
                _ => Code::Character(character),
            };
            match code {
                _ if ended => {}
                Code::Byte(0) | Code::Character('\0') | Code::Unicode('\0') => ended = true,
                Code::Byte(byte) => bytes.push(byte),
                Code::Character(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                Code::Unicode(character) => {
                    locale |= !character.is_ascii();
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Code::Unknown(letter) => bytes.extend_from_slice(&[b'\\', letter]),
            }
        }
        self.no_body_here(start)?;
        match String::from_utf8(bytes) {
            _ if locale => word.dynamic(Dynamic::Locale, false),
            Ok(text) => word.text(&text, true),
            Err(_) => return Err(self.stop("the text is not UTF-8", start)),
        }
        Ok(())
    }

    fn escape(&mut self, start: usize) -> Read<Code> {
        let Some(character) = self.peek_raw() else { return Err(self.stop("a quote is not closed", start)) };
        self.bump(character);
        Ok(match character {
            'a' => Code::Byte(7),
            'b' => Code::Byte(8),
            'e' | 'E' => Code::Byte(27),
            'f' => Code::Byte(12),
            'n' => Code::Byte(b'\n'),
            'r' => Code::Byte(b'\r'),
            't' => Code::Byte(b'\t'),
            'v' => Code::Byte(11),
            '\\' | '\'' | '"' | '?' => Code::Character(character),
            '0'..='7' => {
                self.pos -= 1;
                let number = self.digits(8, 3).unwrap_or_default();
                Code::Byte(u8::try_from(number & 0xff).unwrap_or_default())
            }
            'x' if self.peek_raw() == Some('{') => {
                return Err(self.stop("`\\x{…}` is read differently by versions of bash", start));
            }
            'x' => self.digits(16, 2).and_then(|number| u8::try_from(number).ok()).map_or(Code::Unknown(b'x'), Code::Byte),
            'u' | 'U' => match self.digits(16, if character == 'u' { 4 } else { 8 }) {
                None => Code::Unknown(if character == 'u' { b'u' } else { b'U' }),
                Some(number) => match char::from_u32(number) {
                    Some(character) => Code::Unicode(character),
                    None => return Err(self.stop("the text is not UTF-8", start)),
                },
            },
            'c' => match self.peek_raw() {
                Some('?') => {
                    self.pos += 1;
                    Code::Byte(0x7f)
                }
                Some(control @ ('a'..='z' | 'A'..='Z' | '@' | '[' | ']' | '^' | '_')) => {
                    self.pos += 1;
                    Code::Byte(u8::try_from(control).unwrap_or_default().to_ascii_uppercase() & 0x1f)
                }
                _ => return Err(self.stop("an escape that is not known", start)),
            },
            other => match u8::try_from(other) {
                Ok(letter) if other.is_ascii() => Code::Unknown(letter),
                _ => return Err(self.stop("an escape that is not known", start)),
            },
        })
    }

    fn digits(&mut self, radix: u32, most: usize) -> Option<u32> {
        let mut number = None;
        for _ in 0..most {
            let Some(digit) = self.peek_raw().and_then(|character| character.to_digit(radix)) else { break };
            self.pos += 1;
            number = Some(number.unwrap_or(0u32).wrapping_mul(radix).wrapping_add(digit));
        }
        number
    }
}

enum Code {
    Byte(u8),
    Character(char),
    Unicode(char),
    /// A backslash that means nothing before this letter, and stays.
    Unknown(u8),
}
