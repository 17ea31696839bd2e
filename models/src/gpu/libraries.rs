//! Which libraries of others the GPU providers need, and which of them are there, by file name.

use super::{compile::nvrtc_version, probe};
use std::{
    ffi::{CStr, c_int},
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

/// The release that ONNX Runtime is built for.
const CUDNN: &str = "libcudnn.so.9";

/// A library, and whether it can be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// File name, or path.
    pub name: String,
    /// What needs it.
    pub needed_by: &'static str,
    /// Its version where it tells, or what the loader says.
    pub found: Result<String, String>,
}

/// Looks for everything that CUDA and TensorRT need: the driver, NVRTC, the providers beside the ONNX Runtime library, and what each of
/// them was linked with. In this order; nothing is left out when something before it is missing.
#[must_use]
pub fn libraries(onnxruntime: Option<&Path>) -> Vec<Library> {
    let driver = probe().map(|gpus| gpus.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    let nvrtc = nvrtc_version().map(|(major, minor)| format!("{major}.{minor}"));
    let mut all = vec![
        Library { name: "libcuda.so.1".into(), needed_by: "CUDA", found: driver.map_err(|error| error.to_string()) },
        Library { name: "libnvrtc.so".into(), needed_by: "CUDA", found: nvrtc.map_err(|error| error.to_string()) },
    ];
    let folder = onnxruntime.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    for (file, needed_by) in
        [("libonnxruntime_providers_cuda.so", "CUDA"), ("libonnxruntime_providers_tensorrt.so", "TensorRT")]
    {
        let path = folder.map_or_else(|| file.into(), |folder| folder.join(file));
        let needs = File::open(&path).and_then(|mut file| needed(&mut file));
        let name = path.display().to_string();
        match needs {
            Err(error) => {
                all.push(Library { name, needed_by, found: Err(error.to_string()) });
                // What it would have asked for; cuDNN and TensorRT are what people lack.
                let usual = if needed_by == "CUDA" { CUDNN } else { "libnvinfer.so.10" };
                all.push(load(usual, needed_by));
            }
            Ok(needs) => {
                all.push(Library { name, needed_by, found: Ok(String::new()) });
                let of_nvidia = |name: &&String| name.starts_with("libcu") || name.starts_with("libnv");
                all.extend(needs.iter().filter(of_nvidia).map(|name| load(name, needed_by)));
                // The CUDA provider opens it when a network needs it.
                if needed_by == "CUDA" && !needs.iter().any(|name| name.starts_with("libcudnn")) {
                    all.push(load(CUDNN, needed_by));
                }
            }
        }
    }
    all
}

/// Loads a library by its name, as the provider would, and asks for its version if we know how.
#[allow(unsafe_code)]
fn load(name: &str, needed_by: &'static str) -> Library {
    // SAFETY: NVIDIA's own libraries; their initialisers run as they would when the provider is loaded. The functions that tell a version take
    // nothing, or one pointer to an integer.
    let found = unsafe {
        match libloading::Library::new(name) {
            Err(error) => Err(std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)),
            Ok(library) => {
                let version = match name.split('.').next() {
                    Some("libcudnn") => library
                        .get::<unsafe extern "C" fn() -> usize>(b"cudnnGetVersion")
                        .ok()
                        .map(|version| version())
                        .map(|v| format!("{}.{}.{}", v / 10_000, v % 10_000 / 100, v % 100)),
                    Some("libcudart") => {
                        let mut version: c_int = 0;
                        library
                            .get::<unsafe extern "C" fn(*mut c_int) -> c_int>(b"cudaRuntimeGetVersion")
                            .ok()
                            .filter(|ask| ask(&raw mut version) == 0)
                            .map(|_| format!("{}.{}", version / 1000, version % 1000 / 10))
                    }
                    _ => None,
                };
                // A library that starts threads must not be unloaded under them.
                std::mem::forget(library);
                Ok(version.unwrap_or_default())
            }
        }
    };
    Library { name: name.into(), needed_by, found }
}

/// The libraries that an ELF file of 64 bits was linked with (`DT_NEEDED`).
fn needed(file: &mut (impl Read + Seek)) -> std::io::Result<Vec<String>> {
    let strange = || std::io::Error::other("it is not a shared library of 64 bits");
    let mut at = |offset: u64, bytes: u64| {
        file.seek(SeekFrom::Start(offset))?;
        let mut part = Vec::new();
        file.by_ref().take(bytes.min(1 << 20)).read_to_end(&mut part)?;
        Ok::<_, std::io::Error>(part)
    };
    let number = |part: &[u8], offset: usize, bytes: usize| -> Option<u64> {
        let part = part.get(offset..offset + bytes)?;
        Some(part.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    };
    let header = at(0, 64)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Err(strange());
    }
    let field = |offset, bytes| number(&header, offset, bytes).ok_or_else(strange);
    let (table, size, count) = (field(32, 8)?, field(54, 2)?, field(56, 2)?);
    let programs = at(table, size * count)?;
    // Kind, offset in the file, address, bytes in the file.
    let segments: Vec<[u64; 4]> = programs
        .chunks_exact(usize::try_from(size).unwrap_or(0).max(56))
        .filter_map(|p| Some([number(p, 0, 4)?, number(p, 8, 8)?, number(p, 16, 8)?, number(p, 32, 8)?]))
        .collect();
    let [_, start, _, bytes] = *segments.iter().find(|segment| segment[0] == 2).ok_or_else(strange)?;
    let dynamic = at(start, bytes)?;
    let entries: Vec<(u64, u64)> =
        dynamic.chunks_exact(16).filter_map(|entry| Some((number(entry, 0, 8)?, number(entry, 8, 8)?))).collect();
    let value = |tag| entries.iter().find(|entry| entry.0 == tag).map(|entry| entry.1).ok_or_else(strange);
    let (strings, bytes) = (value(5)?, value(10)?);
    let holds = |segment: &&[u64; 4]| segment[0] == 1 && (segment[2]..segment[2] + segment[3]).contains(&strings);
    let [_, start, address, _] = *segments.iter().find(holds).ok_or_else(strange)?;
    let names = at(start + (strings - address), bytes)?;
    let name = |entry: &(u64, u64)| {
        let rest = names.get(usize::try_from(entry.1).ok()?..)?;
        Some(CStr::from_bytes_until_nul(rest).ok()?.to_string_lossy().into_owned())
    };
    Ok(entries.iter().filter(|entry| entry.0 == 1).filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn this_very_program_needs_the_c_library() {
        let mut file = File::open(std::env::current_exe().unwrap()).unwrap();
        let names = needed(&mut file).unwrap();
        assert!(names.iter().any(|name| name.starts_with("libc.so")), "{names:?}");
    }

    #[test]
    fn what_is_no_library_is_an_error() {
        for bytes in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01 and then nothing", &[0xff; 200]] {
            assert!(needed(&mut Cursor::new(bytes)).is_err());
        }
        let mut cut = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        cut.truncate(500);
        assert!(needed(&mut Cursor::new(cut)).is_err());
    }

    #[test]
    fn what_is_missing_is_named_by_file() {
        let all = libraries(Some(Path::new("/nowhere/libonnxruntime.so")));
        let provider = all.iter().find(|l| l.name == "/nowhere/libonnxruntime_providers_tensorrt.so").unwrap();
        assert!(provider.found.as_ref().is_err_and(|reason| reason.contains("No such file")), "{provider:?}");
        assert!(all.iter().any(|library| library.name == "libcudnn.so.9"));
    }
}
