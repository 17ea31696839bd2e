//! The wire format of protobuf: messages are fields, a field is a number and a value. Enough to walk a file, no more.

use std::str;

/// A place in the file that cannot be read: byte offset and cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireError {
    pub offset: usize,
    pub reason: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Skipped,
}

/// One field of a message; `offset` is its place in the file.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub value: Value<'a>,
    pub offset: usize,
}

impl<'a> Field<'a> {
    pub fn message(self) -> Result<Message<'a>, WireError> {
        match self.value {
            Value::Bytes(bytes) => Ok(Message { bytes, offset: self.offset }),
            _ => Err(WireError { offset: self.offset, reason: "a number where a message belongs" }),
        }
    }

    pub fn text(self) -> Result<String, WireError> {
        let text = str::from_utf8(self.message()?.bytes);
        text.map(String::from).map_err(|_| WireError { offset: self.offset, reason: "a name that is not UTF-8" })
    }

    pub fn varint(self) -> Result<u64, WireError> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(WireError { offset: self.offset, reason: "a message where a number belongs" }),
        }
    }
}

/// The unread rest of a message and its place in the file.
pub(crate) struct Message<'a> {
    pub bytes: &'a [u8],
    pub offset: usize,
}

impl<'a> Message<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            return Err(WireError { offset: self.offset, reason: "it is cut off" });
        };
        self.bytes = rest;
        self.offset += count;
        Ok(taken)
    }

    pub fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError { offset: self.offset, reason: "a number of more than 64 bits" })
    }

    fn field(&mut self) -> Result<(u64, Field<'a>), WireError> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Skipped)?,
            2 => {
                let length = self.varint()?;
                let offset = self.offset;
                let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
                return Ok((key >> 3, Field { value: Value::Bytes(bytes), offset }));
            }
            5 => self.take(4).map(|_| Value::Skipped)?,
            _ => return Err(WireError { offset: self.offset, reason: "an unknown wire type" }),
        };
        Ok((key >> 3, Field { value, offset: self.offset }))
    }
}

/// Gives every field of a message and its number to `visit`.
pub(crate) fn each<'a>(
    mut message: Message<'a>,
    visit: &mut dyn FnMut(u64, Field<'a>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    while !message.bytes.is_empty() {
        let (number, field) = message.field()?;
        visit(number, field)?;
    }
    Ok(())
}
