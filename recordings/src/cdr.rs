//! CDR, the encoding of ROS 2 messages (OMG DDS-RTPS 10.2, DDS-XTypes 7.4): a strict reader and a writer.
//!
//! In: the bytes of one message with its four bytes of encapsulation. Out: its fields in their order. Never: a read beyond the
//! end, a length that the bytes cannot hold, bytes left over in silence.

/// A value, or what is wrong with the bytes.
pub(crate) type Decoded<T> = Result<T, String>;

/// Bytes that may follow the last field: serializers fill up to a multiple of four.
const PADDING: usize = 3;
const HEAD: usize = 4;

/// Something that can be read from and written to CDR.
pub(crate) trait Cdr: Sized {
    /// Fewest bytes of one value, which bounds what a sequence can hold.
    const FEWEST_BYTES: usize;

    fn read(reader: &mut Reader) -> Decoded<Self>;

    fn write(&self, writer: &mut Writer);
}

/// Reads one message: all of it.
pub(crate) fn decode<T: Cdr>(data: &[u8]) -> Decoded<T> {
    let mut reader = Reader::new(data)?;
    let value = T::read(&mut reader)?;
    let left = data.len() - reader.at;
    if left > PADDING {
        return Err(format!("{left} of {} bytes are left after the last field", data.len()));
    }
    Ok(value)
}

/// Writes one message, little-endian.
pub(crate) fn encode(value: &impl Cdr, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&[0, 1, 0, 0]);
    value.write(&mut Writer { out });
}

/// A place in the bytes of a message.
pub(crate) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    little_endian: bool,
    /// Numbers are aligned to their size, up to this.
    alignment: usize,
}

impl<'a> Reader<'a> {
    fn new(data: &'a [u8]) -> Decoded<Self> {
        let Some(head) = data.get(..HEAD) else {
            return Err(format!("{} bytes, a CDR message has at least {HEAD}", data.len()));
        };
        let (little_endian, alignment) = match head[..2] {
            [0, 0] => (false, 8),
            [0, 1] => (true, 8),
            [0, 6] => (false, 4),
            [0, 7] => (true, 4),
            [high, low] => return Err(format!("encapsulation {high:02x}{low:02x} is no plain CDR")),
            _ => return Err("no encapsulation".into()),
        };
        Ok(Self { data, at: HEAD, little_endian, alignment })
    }

    fn align(&mut self, size: usize) {
        self.at = HEAD + (self.at - HEAD).next_multiple_of(size.min(self.alignment));
    }

    fn take(&mut self, count: usize) -> Decoded<&'a [u8]> {
        let end = self.at.checked_add(count);
        let Some(bytes) = end.and_then(|end| self.data.get(self.at..end)) else {
            let left = self.data.len().saturating_sub(self.at);
            return Err(format!("{count} bytes are needed at byte {}, {left} are there", self.at));
        };
        self.at += count;
        Ok(bytes)
    }

    fn number<const SIZE: usize>(&mut self) -> Decoded<[u8; SIZE]> {
        self.align(SIZE);
        let mut bytes = [0; SIZE];
        bytes.copy_from_slice(self.take(SIZE)?);
        if !self.little_endian {
            bytes.reverse();
        }
        Ok(bytes)
    }

    /// The length of a sequence whose items have at least so many bytes each.
    fn length(&mut self, fewest_bytes: usize) -> Decoded<usize> {
        let length = u32::read(self)? as usize;
        let left = self.data.len().saturating_sub(self.at);
        if length.saturating_mul(fewest_bytes) > left {
            return Err(format!("a sequence of {length} at byte {}, with {left} bytes left", self.at));
        }
        Ok(length)
    }
}

/// Where a message is written to.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn number<const SIZE: usize>(&mut self, bytes: [u8; SIZE]) {
        let aligned = HEAD + (self.out.len() - HEAD).next_multiple_of(SIZE);
        self.out.resize(aligned, 0);
        self.out.extend_from_slice(&bytes);
    }
}

macro_rules! numbers {
    ($($kind:ty)*) => {$(
        impl Cdr for $kind {
            const FEWEST_BYTES: usize = size_of::<$kind>();

            fn read(reader: &mut Reader) -> Decoded<Self> {
                Ok(Self::from_le_bytes(reader.number()?))
            }

            fn write(&self, writer: &mut Writer) {
                writer.number(self.to_le_bytes());
            }
        }
    )*};
}

numbers!(u8 i8 u16 i32 u32 f32 f64);

impl Cdr for bool {
    const FEWEST_BYTES: usize = 1;

    fn read(reader: &mut Reader) -> Decoded<Self> {
        match u8::read(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("{other} is no truth value")),
        }
    }

    fn write(&self, writer: &mut Writer) {
        u8::from(*self).write(writer);
    }
}

impl Cdr for String {
    const FEWEST_BYTES: usize = 4;

    fn read(reader: &mut Reader) -> Decoded<Self> {
        let length = reader.length(1)?;
        let bytes = reader.take(length)?;
        // The length counts a zero at the end; some writers give an empty text the length zero.
        let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        String::from_utf8(text.to_vec()).map_err(|_| "a text is not UTF-8".to_owned())
    }

    fn write(&self, writer: &mut Writer) {
        (self.len() as u32 + 1).write(writer);
        writer.out.extend_from_slice(self.as_bytes());
        writer.out.push(0);
    }
}

/// A sequence of octets, taken and given as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Octets(pub(crate) Vec<u8>);

impl Cdr for Octets {
    const FEWEST_BYTES: usize = 4;

    fn read(reader: &mut Reader) -> Decoded<Self> {
        let length = reader.length(1)?;
        Ok(Self(reader.take(length)?.to_vec()))
    }

    fn write(&self, writer: &mut Writer) {
        (self.0.len() as u32).write(writer);
        writer.out.extend_from_slice(&self.0);
    }
}

impl<T: Cdr> Cdr for Vec<T> {
    const FEWEST_BYTES: usize = 4;

    fn read(reader: &mut Reader) -> Decoded<Self> {
        let length = reader.length(T::FEWEST_BYTES)?;
        (0..length).map(|_| T::read(reader)).collect()
    }

    fn write(&self, writer: &mut Writer) {
        (self.len() as u32).write(writer);
        self.iter().for_each(|item| item.write(writer));
    }
}

impl<T: Cdr + Copy + Default, const COUNT: usize> Cdr for [T; COUNT] {
    const FEWEST_BYTES: usize = COUNT * T::FEWEST_BYTES;

    fn read(reader: &mut Reader) -> Decoded<Self> {
        let mut items = [T::default(); COUNT];
        for item in &mut items {
            *item = T::read(reader)?;
        }
        Ok(items)
    }

    fn write(&self, writer: &mut Writer) {
        self.iter().for_each(|item| item.write(writer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Mixed = (u8, String, f64, Vec<f64>, bool);

    impl Cdr for Mixed {
        const FEWEST_BYTES: usize = 18;

        fn read(reader: &mut Reader) -> Decoded<Self> {
            Ok((Cdr::read(reader)?, Cdr::read(reader)?, Cdr::read(reader)?, Cdr::read(reader)?, Cdr::read(reader)?))
        }

        fn write(&self, writer: &mut Writer) {
            let (a, b, c, d, e) = self;
            a.write(writer);
            b.write(writer);
            c.write(writer);
            d.write(writer);
            e.write(writer);
        }
    }

    #[test]
    fn the_bytes_of_the_standard() {
        let mut bytes = Vec::new();
        encode(&(7_u8, "ab".to_owned(), 1.5_f64, vec![2.0_f64], true), &mut bytes);
        #[rustfmt::skip]
        let expected = [0, 1, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, b'a', b'b', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f,
            1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1];
        assert_eq!(bytes, expected);
        // Big-endian, and the second version of CDR with its alignment of four.
        let big = [0, 0, 0, 0, 0, 0, 1, 2];
        assert_eq!(decode::<u32>(&big), Ok(258));
        let second = [0, 7, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f];
        assert_eq!(decode::<Second>(&second), Ok(Second(5, 1.5)));
    }

    #[derive(Debug, PartialEq)]
    struct Second(u8, f64);

    impl Cdr for Second {
        const FEWEST_BYTES: usize = 9;

        fn read(reader: &mut Reader) -> Decoded<Self> {
            Ok(Self(Cdr::read(reader)?, Cdr::read(reader)?))
        }

        fn write(&self, _: &mut Writer) {}
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (bytes, reason) in [
            (&[0, 1, 0][..], "3 bytes, a CDR message has at least 4"),
            (&[0, 3, 0, 0, 1, 2, 3, 4], "encapsulation 0003 is no plain CDR"),
            (&[0, 1, 0, 0, 1, 2, 3], "4 bytes are needed at byte 4, 3 are there"),
            (&[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], "4 of 12 bytes are left after the last field"),
        ] {
            assert_eq!(decode::<u32>(bytes).unwrap_err(), reason);
        }
        let endless = [0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(decode::<Vec<f64>>(&endless).unwrap_err(), "a sequence of 4294967295 at byte 8, with 4 bytes left");
        assert_eq!(decode::<String>(&[0, 1, 0, 0, 2, 0, 0, 0, 0xff, 0]).unwrap_err(), "a text is not UTF-8");
        assert_eq!(decode::<bool>(&[0, 1, 0, 0, 2]).unwrap_err(), "2 is no truth value");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(a: u8, b in "\\PC{0,9}", c: f64, d in proptest::collection::vec(any::<f64>(), 0..9), e: bool) {
            let mut bytes = Vec::new();
            let value: Mixed = (a, b, c, d, e);
            encode(&value, &mut bytes);
            let read = decode::<Mixed>(&bytes).unwrap();
            prop_assert_eq!(format!("{:?}", read), format!("{:?}", value));
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = bytes;
            if bytes.len() > 2 { (bytes[0], bytes[1]) = (0, bytes[1] % 2); }
            let _ = decode::<Mixed>(&bytes);
            let _ = decode::<Vec<String>>(&bytes);
        }
    }
}
