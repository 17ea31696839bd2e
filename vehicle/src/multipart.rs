//! Motion JPEG as HTTP sends it (`multipart/x-mixed-replace`): bytes in, images out. Pure, and bounded whatever comes.

use std::fmt;

/// Longest image, bytes.
const LONGEST_IMAGE: usize = 16 << 20;
/// Longest headers of an answer or a part, bytes.
const LONGEST_HEAD: usize = 16 << 10;

/// Why a stream cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(pub String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image and when the camera says it was taken, ns since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// JPEG.
    pub image: Vec<u8>,
    /// Of its `X-Timestamp`.
    pub stamp_ns: Option<i64>,
}

/// Where in the stream the reader is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Answer,
    Head,
    /// An image of so many bytes, or up to the boundary.
    Image(Option<usize>, Option<i64>),
}

/// Reads one answer of a server.
#[derive(Clone, Debug)]
pub struct Multipart {
    state: State,
    boundary: Vec<u8>,
    bytes: Vec<u8>,
    /// Bytes that were looked at for a boundary.
    searched: usize,
}

impl Default for Multipart {
    fn default() -> Self {
        Self { state: State::Answer, boundary: Vec::new(), bytes: Vec::new(), searched: 0 }
    }
}

impl Multipart {
    /// Takes bytes as they come and gives the images that are whole.
    ///
    /// # Errors
    /// The server's refusal, or what is no motion JPEG: connect again.
    pub fn push(&mut self, bytes: &[u8], images: &mut Vec<Part>) -> Result<(), Broken> {
        self.bytes.extend_from_slice(bytes);
        loop {
            let goes_on = match self.state.clone() {
                State::Answer => self.answer()?,
                State::Head => self.head()?,
                State::Image(length, stamp_ns) => self.image(length, stamp_ns, images)?,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Headers up to an empty line, if they are whole.
    fn take_head(&mut self) -> Result<Option<String>, Broken> {
        let Some(end) = find(&self.bytes, b"\r\n\r\n") else {
            if self.bytes.len() > LONGEST_HEAD {
                return Err(Broken(format!("headers of more than {LONGEST_HEAD} bytes")));
            }
            return Ok(None);
        };
        let head = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        self.bytes.drain(..end + 4);
        Ok(Some(head))
    }

    fn answer(&mut self) -> Result<bool, Broken> {
        let Some(head) = self.take_head()? else { return Ok(false) };
        let first = head.lines().next().unwrap_or_default();
        let code = first.split_whitespace().nth(1).unwrap_or_default();
        if !first.starts_with("HTTP/") || code != "200" {
            return Err(Broken(format!("the server says {first:.100}")));
        }
        let kind = header(&head, "content-type").unwrap_or_default();
        if !kind.to_ascii_lowercase().starts_with("multipart/") {
            return Err(Broken(format!("content of type {kind:.100} instead of multipart/x-mixed-replace")));
        }
        let boundary = kind.split(';').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_string())
        });
        let Some(boundary) = boundary.filter(|boundary| (1..=200).contains(&boundary.len())) else {
            return Err(Broken(format!("no boundary in {kind:.100}")));
        };
        // Some servers name it with its dashes, some without.
        self.boundary = format!("--{}", boundary.trim_start_matches("--")).into_bytes();
        self.state = State::Head;
        Ok(true)
    }

    fn head(&mut self) -> Result<bool, Broken> {
        let Some(head) = self.take_head()? else { return Ok(false) };
        let length = match header(&head, "content-length") {
            None => None,
            Some(text) => {
                let length = text.parse().ok().filter(|length| (1..=LONGEST_IMAGE).contains(length));
                Some(length.ok_or_else(|| Broken(format!("an image of {text:.40} bytes; at most {LONGEST_IMAGE}")))?)
            }
        };
        let stamp_ns = header(&head, "x-timestamp").and_then(nanos);
        self.searched = 0;
        self.state = State::Image(length, stamp_ns);
        Ok(true)
    }

    fn image(&mut self, length: Option<usize>, stamp_ns: Option<i64>, images: &mut Vec<Part>) -> Result<bool, Broken> {
        let end = match length {
            Some(length) => (self.bytes.len() >= length).then_some(length),
            None => {
                let from = self.searched.saturating_sub(self.boundary.len());
                let found = find(&self.bytes[from..], &self.boundary).map(|at| from + at);
                self.searched = self.bytes.len();
                if found.is_none() && self.bytes.len() > LONGEST_IMAGE {
                    return Err(Broken(format!("an image of more than {LONGEST_IMAGE} bytes")));
                }
                found
            }
        };
        let Some(end) = end else { return Ok(false) };
        let mut image: Vec<u8> = self.bytes.drain(..end).collect();
        while length.is_none() && matches!(image.last(), Some(b'\r' | b'\n')) {
            image.pop();
        }
        if !image.starts_with(&[0xFF, 0xD8]) {
            let first: Vec<String> = image.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            return Err(Broken(format!("a part that begins with {} is no JPEG", first.join(" "))));
        }
        images.push(Part { image, stamp_ns });
        self.state = State::Head;
        Ok(true)
    }
}

/// `SECONDS.FRACTION` as ns.
fn nanos(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 18 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let seconds: i64 = seconds.parse().ok().filter(|seconds| digits && *seconds >= 0)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos.parse().ok()?)
}

/// The value of a header.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANSWER: &[u8] =
        b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=boundarydonotcross\r\n\r\n--boundarydonotcross\r\n";

    fn stream(images: &[&[u8]], with_length: bool) -> Vec<u8> {
        let mut stream = ANSWER.to_vec();
        for (i, image) in images.iter().enumerate() {
            stream.extend(b"Content-Type: image/jpeg\r\n");
            if with_length {
                stream.extend(format!("Content-Length: {}\r\n", image.len()).bytes());
            }
            stream.extend(format!("X-Timestamp: 1796000000.{i:06}\r\n\r\n").bytes());
            stream.extend(*image);
            stream.extend(b"\r\n--boundarydonotcross\r\n");
        }
        stream
    }

    fn images_of(stream: &[u8], piece: usize) -> Result<Vec<Part>, Broken> {
        let (mut reader, mut images) = (Multipart::default(), Vec::new());
        stream.chunks(piece).try_for_each(|piece| reader.push(piece, &mut images))?;
        Ok(images)
    }

    #[test]
    fn images_come_whole_in_pieces_of_any_size() {
        let (one, two) = ([0xFF, 0xD8, 1, 2, 3], [0xFF, 0xD8, b'\r', b'\n', b'\r', b'\n', 9]);
        for with_length in [true, false] {
            let stream = stream(&[&one, &two], with_length);
            for piece in [1, 2, 7, 64, 4096] {
                let images = images_of(&stream, piece).unwrap();
                assert_eq!(images.len(), 2, "{piece}");
                assert_eq!((&images[0].image[..], &images[1].image[..]), (&one[..], &two[..]));
                assert_eq!(images[1].stamp_ns, Some(1_796_000_000_000_001_000));
            }
        }
    }

    #[test]
    fn what_is_no_stream_of_images_is_named() {
        let told = |stream: &[u8], named: &str| {
            let said = images_of(stream, 100).unwrap_err().0;
            assert!(said.contains(named), "{said}");
        };
        told(b"HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found");
        told(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", "text/html");
        told(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n", "no boundary");
        told(&[b'x'; 20_000], "more than 16384");
        told(&stream(&[b"GIF89a"], true), "begins with 47 49 46 38");
        let mut long = ANSWER.to_vec();
        long.extend(b"Content-Length: 99999999999\r\n\r\n");
        told(&long, "99999999999");
    }

    #[test]
    fn times_are_exact_to_the_nanosecond() {
        assert_eq!(nanos("1796000000.123456789"), Some(1_796_000_000_123_456_789));
        assert_eq!(
            (nanos("7"), nanos("7.5"), nanos("-1.0"), nanos("1e9"), nanos("")),
            (Some(7_000_000_000), Some(7_500_000_000), None, None, None)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(noise in prop::collection::vec(any::<u8>(), 0..2000), piece in 1..100usize) {
            let mut bytes = ANSWER.to_vec();
            bytes.extend(&noise);
            let _ = images_of(&bytes, piece);
            let _ = images_of(&noise, piece);
        }
    }
}
