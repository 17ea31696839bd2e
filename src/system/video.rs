//! A camera of Video4Linux 2: images from buffers that the kernel fills in turn, each with the instant at which it had it.
//!
//! The numbers and layouts are those of `linux/videodev2.h` on machines of 64 bits. The crates that bind it either need libclang to be built,
//! or do not tell an image's time.
#![allow(unsafe_code)]

use anyhow::{Context, bail, ensure};
use rustix::mm::{MapFlags, ProtFlags};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the layouts of V4L2's structures are those of machines of 64 bits");

/// Buffers that are filled in turn: one with the kernel, one with us, two in between.
const BUFFERS: u32 = 4;
/// Largest buffer, bytes.
const LARGEST: u32 = 64 << 20;

const QUERYCAP: libc::c_ulong = 0x8068_5600;
const S_FMT: libc::c_ulong = 0xc0d0_5605;
const REQBUFS: libc::c_ulong = 0xc014_5608;
const QUERYBUF: libc::c_ulong = 0xc058_5609;
const QBUF: libc::c_ulong = 0xc058_560f;
const DQBUF: libc::c_ulong = 0xc058_5611;
const STREAMON: libc::c_ulong = 0x4004_5612;

const CAPTURE: u32 = 1;
const MMAP: u32 = 1;
const CAP_CAPTURE: u32 = 1;
const CAP_STREAMING: u32 = 0x0400_0000;
const CAP_DEVICE_CAPS: u32 = 0x8000_0000;
const FLAG_ERROR: u32 = 0x40;
const TIMESTAMP_MASK: u32 = 0xe000;
const TIMESTAMP_MONOTONIC: u32 = 0x2000;

#[repr(C)]
struct Capability {
    driver: [u8; 16],
    card: [u8; 32],
    bus: [u8; 32],
    version: u32,
    capabilities: u32,
    device_caps: u32,
    reserved: [u32; 3],
}

/// `v4l2_format` with its `v4l2_pix_format`.
#[repr(C)]
struct Format {
    kind: u32,
    pad: u32,
    width: u32,
    height: u32,
    pixels: u32,
    field: u32,
    bytes_per_line: u32,
    size: u32,
    rest: [u32; 44],
}

#[repr(C)]
struct RequestBuffers {
    count: u32,
    kind: u32,
    memory: u32,
    capabilities: u32,
    flags: u32,
}

#[repr(C)]
struct Buffer {
    index: u32,
    kind: u32,
    bytes: u32,
    flags: u32,
    field: u32,
    pad: u32,
    seconds: i64,
    micros: i64,
    timecode: [u32; 4],
    sequence: u32,
    memory: u32,
    /// A `u32` offset in the union's first half: these machines are little-endian.
    offset: u64,
    length: u32,
    reserved: u32,
    request: i32,
    pad_end: u32,
}

/// Structures that the kernel reads and fills: integers alone, for which zero is a value.
///
/// # Safety
/// Only for those.
unsafe trait Plain: Sized {
    fn zero() -> Self {
        // SAFETY: as the trait says.
        unsafe { std::mem::zeroed() }
    }
}

// SAFETY: integers alone.
unsafe impl Plain for Capability {}
// SAFETY: integers alone.
unsafe impl Plain for Format {}
// SAFETY: integers alone.
unsafe impl Plain for RequestBuffers {}
// SAFETY: integers alone.
unsafe impl Plain for Buffer {}
// SAFETY: an integer.
unsafe impl Plain for libc::c_int {}

/// How images come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// Each a JPEG of its own.
    MotionJpeg,
    /// Y, U, Y, V: two pixels in four bytes.
    Yuyv,
}

impl Pixels {
    const ALL: [Self; 2] = [Self::MotionJpeg, Self::Yuyv];

    /// Its four characters.
    const fn code(self) -> u32 {
        match self {
            Self::MotionJpeg => u32::from_le_bytes(*b"MJPG"),
            Self::Yuyv => u32::from_le_bytes(*b"YUYV"),
        }
    }
}

/// What a device was set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How images come.
    pub pixels: Pixels,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes from row to row, where there are rows.
    pub stride: usize,
}

/// An image in its buffer.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// How long ago the kernel had it, if the driver tells by the clock that never jumps.
    pub age: Option<Duration>,
    /// The driver found it damaged.
    pub is_damaged: bool,
}

/// A buffer in our memory.
struct Mapped {
    place: *mut libc::c_void,
    length: usize,
}

// SAFETY: it is memory that only its owner reaches.
unsafe impl Send for Mapped {}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: it was mapped so, and nobody has a reference into it: `VideoDevice::take` lends none for longer than its own call.
        let _ = unsafe { rustix::mm::munmap(self.place, self.length) };
    }
}

/// A camera that runs. It stops when this is dropped.
pub struct VideoDevice {
    file: File,
    buffers: Vec<Mapped>,
    shape: Shape,
}

impl VideoDevice {
    /// Opens a device and starts it, with images of that size: motion JPEG if it has that, else YUYV.
    ///
    /// # Errors
    /// Names the device and what it is not, cannot, or has another size of.
    pub fn start(path: &Path, [width, height]: [usize; 2]) -> anyhow::Result<Self> {
        let said = || format!("{}", path.display());
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path).with_context(said)?;
        let capability: Capability = read(&file, QUERYCAP, Capability::zero())
            .with_context(|| format!("{}: is no device of V4L2", path.display()))?;
        let has_own = capability.capabilities & CAP_DEVICE_CAPS != 0;
        let can = if has_own { capability.device_caps } else { capability.capabilities };
        ensure!(
            can & CAP_CAPTURE != 0 && can & CAP_STREAMING != 0,
            "{}: captures no images (capabilities {can:#x}); a camera often has several devices",
            path.display()
        );
        let shape = shape_of(&file, [width, height]).with_context(said)?;
        let buffers = map(&file).with_context(said)?;
        for index in 0..buffers.len() {
            read(&file, QBUF, buffer(index as u32)).with_context(said)?;
        }
        read(&file, STREAMON, CAPTURE as libc::c_int).with_context(|| format!("{}: does not start", path.display()))?;
        Ok(Self { file, buffers, shape })
    }

    /// What it was set to.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The next image, or nothing after a while.
    ///
    /// # Errors
    /// The system's: the camera was pulled out.
    pub fn take<T>(&mut self, patience: Duration, look: impl FnOnce(Taken<'_>) -> T) -> io::Result<Option<T>> {
        let mut one = [rustix::event::PollFd::new(&self.file, rustix::event::PollFlags::IN)];
        let patience = rustix::event::Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        match rustix::event::poll(&mut one, Some(&patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut full = match read(&self.file, DQBUF, buffer(0)) {
            Ok(full) => full,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let Some(Mapped { place, length }) = self.buffers.get(full.index as usize) else {
            return Err(ErrorKind::InvalidData.into());
        };
        // SAFETY: the mapping lives as long as `self`; until it is queued again below the kernel does not write into it.
        let bytes = unsafe { std::slice::from_raw_parts(place.cast::<u8>(), (full.bytes as usize).min(*length)) };
        let passed_ns = (now.tv_sec - full.seconds).saturating_mul(1_000_000_000) + now.tv_nsec - 1000 * full.micros;
        let is_monotonic = full.flags & TIMESTAMP_MASK == TIMESTAMP_MONOTONIC;
        let age = u64::try_from(passed_ns).ok().filter(|_| is_monotonic).map(Duration::from_nanos);
        let seen = look(Taken { bytes, age, is_damaged: full.flags & FLAG_ERROR != 0 });
        full.bytes = 0;
        read(&self.file, QBUF, full)?;
        Ok(Some(seen))
    }
}

/// Asks for a size, in the first way of coming that the device has.
fn shape_of(file: &File, [width, height]: [usize; 2]) -> anyhow::Result<Shape> {
    let mut had = Vec::new();
    for pixels in Pixels::ALL {
        let (width, height) = (u32::try_from(width)?, u32::try_from(height)?);
        let wanted = Format { kind: CAPTURE, width, height, pixels: pixels.code(), ..Format::zero() };
        let set = read(file, S_FMT, wanted).context("its format cannot be set")?;
        if set.pixels != pixels.code() {
            had.push(String::from_utf8_lossy(&set.pixels.to_le_bytes()).into_owned());
            continue;
        }
        ensure!(
            (set.width, set.height) == (width, height),
            "it has images of {} x {}, the calibration is for {width} x {height}",
            set.width,
            set.height
        );
        let stride = (set.bytes_per_line as usize).max(2 * width as usize);
        return Ok(Shape { pixels, width: width as usize, height: height as usize, stride });
    }
    bail!("it has neither MJPG nor YUYV, but {}", had.join(", "))
}

/// Maps the kernel's buffers.
fn map(file: &File) -> anyhow::Result<Vec<Mapped>> {
    let wanted = RequestBuffers { count: BUFFERS, kind: CAPTURE, memory: MMAP, ..RequestBuffers::zero() };
    let given = read(file, REQBUFS, wanted).context("it gives no buffers")?;
    ensure!((2..=32).contains(&given.count), "it gives {} buffers", given.count);
    let mut buffers = Vec::new();
    for index in 0..given.count {
        let Buffer { offset, length, .. } = read(file, QUERYBUF, buffer(index)).context("its buffers")?;
        ensure!((1..=LARGEST).contains(&length), "a buffer of {length} bytes");
        let (length, flags) = (length as usize, ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: a new mapping at a place that the kernel chooses.
        let place = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), length, flags, MapFlags::SHARED, file, offset & 0xffff_ffff)
        };
        buffers.push(Mapped { place: place.context("its buffers")?, length });
    }
    Ok(buffers)
}

fn buffer(index: u32) -> Buffer {
    Buffer { index, kind: CAPTURE, memory: MMAP, ..Buffer::zero() }
}

/// One call to the driver: the structure goes in and comes out.
fn read<T: Plain>(file: &File, request: libc::c_ulong, mut structure: T) -> io::Result<T> {
    loop {
        // SAFETY: the request has the structure's size in it, and the structure lives through the call.
        let code = unsafe { libc::ioctl(file.as_raw_fd(), request, &raw mut structure) };
        if code >= 0 {
            return Ok(structure);
        }
        let error = io::Error::last_os_error();
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    /// Bits 16 to 29 of a request are the size of its structure.
    #[test]
    fn layouts_are_the_kernels() {
        let sizes = [
            (QUERYCAP, size_of::<Capability>()),
            (S_FMT, size_of::<Format>()),
            (REQBUFS, size_of::<RequestBuffers>()),
            (QUERYBUF, size_of::<Buffer>()),
            (QBUF, size_of::<Buffer>()),
            (DQBUF, size_of::<Buffer>()),
            (STREAMON, size_of::<libc::c_int>()),
        ];
        for (request, size) in sizes {
            assert_eq!((request >> 16) as usize & 0x3fff, size, "{request:#x}");
        }
        assert_eq!((offset_of!(Capability, capabilities), offset_of!(Capability, device_caps)), (84, 88));
        assert_eq!((offset_of!(Format, width), offset_of!(Buffer, seconds)), (8, 24));
        assert_eq!((offset_of!(Buffer, sequence), offset_of!(Buffer, memory)), (56, 60));
        assert_eq!((offset_of!(Buffer, offset), offset_of!(Buffer, length)), (64, 72));
        assert_eq!((Pixels::MotionJpeg.code(), Pixels::Yuyv.code()), (0x4750_4a4d, 0x5659_5559));
    }

    #[test]
    fn what_is_no_camera_is_named() {
        let told = |path: &str, word: &str| {
            let said = format!("{:#}", VideoDevice::start(Path::new(path), [640, 480]).err().unwrap());
            assert!(said.starts_with(path) && said.contains(word), "{said}");
        };
        told("/dev/null", "is no device of V4L2");
        told("/dev/no-video", "No such file");
    }
}
