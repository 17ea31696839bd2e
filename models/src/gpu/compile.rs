//! Kernels are compiled by NVRTC for the device at hand, once: the machine code is kept by the digest of all that made it.

use super::device::failed;
use crate::ModelError;
use cudarc::nvrtc::{result, sys};
use sha2::{Digest, Sha256};
use std::{
    ffi::{CStr, CString, c_char},
    fs,
    path::{Path, PathBuf},
};

/// How single steps give the same bits as on the processor, and nothing of a toolkit is needed.
const OPTIONS: [&str; 5] = ["--std=c++17", "--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false"];

/// Of SHA-256.
const DIGEST_BYTES: usize = 32;

/// Major and minor version of the NVRTC library that is found.
///
/// # Errors
/// [`ModelError::Device`] if there is none.
#[allow(unsafe_code)]
pub fn nvrtc_version() -> Result<(i32, i32), ModelError> {
    // SAFETY: this loads libnvrtc and runs nothing but its initialisers. Every other call panics if the library is missing.
    if !unsafe { sys::is_culib_present() } {
        return Err(failed("NVRTC", "libnvrtc.so.13 or libnvrtc.so.12 was not found; it belongs to the CUDA toolkit"));
    }
    let (mut major, mut minor) = (0, 0);
    // SAFETY: both pointers are of integers that live through the call.
    unsafe { sys::nvrtcVersion(&raw mut major, &raw mut minor) }.result().map_err(|error| refused(&error))?;
    Ok((major, minor))
}

fn refused(error: &result::NvrtcError) -> ModelError {
    failed("NVRTC", format!("{:?}", error.0))
}

/// Compiles a source to machine code for one compute capability: (9, 0) is sm_90.
///
/// # Errors
/// [`ModelError::Device`] with the compiler's log.
#[allow(unsafe_code)]
pub fn compile(source: &str, (major, minor): (i32, i32)) -> Result<Vec<u8>, ModelError> {
    nvrtc_version()?;
    let text = CString::new(source).map_err(|error| failed("NVRTC", error.to_string()))?;
    let program = Program(result::create_program(&text, Some(c"chauffeur.cu")).map_err(|error| refused(&error))?);
    let architecture = format!("--gpu-architecture=sm_{major}{minor}");
    let options: Vec<&str> = OPTIONS.into_iter().chain([architecture.as_str()]).collect();
    // SAFETY: the program lives until the end of this function, and so does the text that it was made of.
    unsafe {
        if let Err(error) = result::compile_program(program.0, &options) {
            let log = result::get_program_log(program.0).unwrap_or_default();
            let log = log.iter().map(|&c| c as u8).take_while(|&c| c != 0).collect::<Vec<u8>>();
            let log = String::from_utf8_lossy(&log).trim().to_string();
            return Err(failed(format!("NVRTC {architecture}"), format!("{:?}: {log}", error.0)));
        }
        let mut size = 0;
        sys::nvrtcGetCUBINSize(program.0, &raw mut size).result().map_err(|error| refused(&error))?;
        let mut code = vec![0u8; size];
        sys::nvrtcGetCUBIN(program.0, code.as_mut_ptr().cast::<c_char>()).result().map_err(|error| refused(&error))?;
        Ok(code)
    }
}

struct Program(sys::nvrtcProgram);

impl Drop for Program {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: made by `create_program` and destroyed here only. There is nobody to tell if it fails.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

/// Where the machine code of a source for a compute capability lies in a cache, by the digest of source, options, compiler and architecture.
///
/// # Errors
/// [`ModelError::Device`] if there is no compiler.
pub(crate) fn cached(cache: &Path, source: &str, (major, minor): (i32, i32)) -> Result<PathBuf, ModelError> {
    let compiler = nvrtc_version()?;
    let digest = Sha256::digest(format!("{source}\0{OPTIONS:?}\0{compiler:?}\0{major}.{minor}"));
    let name: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    Ok(cache.join(format!("kernels-{name}-sm_{major}{minor}.cubin")))
}

/// Reads machine code that [`keep`] wrote. Nothing if it is not there or is not whole: the driver would read beyond its end.
pub(crate) fn kept(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = fs::read(path).ok()?;
    let code = bytes.split_off(DIGEST_BYTES.min(bytes.len()));
    (Sha256::digest(&code)[..] == bytes[..]).then_some(code)
}

/// Writes machine code into the cache, behind its digest: whole, or not at all. A cache that cannot be written costs time at the next start and nothing else.
pub(crate) fn keep(path: &Path, code: &[u8]) -> bool {
    let written = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let unfinished = path.with_extension(format!("{}", std::process::id()));
        fs::write(&unfinished, [&Sha256::digest(code)[..], code].concat())?;
        fs::rename(&unfinished, path)
    };
    let outcome: std::io::Result<()> = written();
    outcome.is_ok()
}

/// The driver's word for an error.
pub(crate) fn word(text: Option<&CStr>) -> String {
    text.map_or_else(|| "unknown error".into(), |text| text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{KERNELS, SOURCE};

    /// Turing, Orin, Hopper.
    const ARCHITECTURES: [(i32, i32); 3] = [(7, 5), (8, 7), (9, 0)];

    #[test]
    fn kernels_compile_for_every_architecture() {
        if let Err(error) = nvrtc_version() {
            eprintln!("kernels_compile_for_every_architecture skipped: {error}");
            return;
        }
        for architecture in ARCHITECTURES {
            let code = compile(SOURCE, architecture).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(code[..4], *b"\x7fELF");
            for kernel in KERNELS {
                let name = [kernel.as_bytes(), b"\0"].concat();
                assert!(code.windows(name.len()).any(|window| window == name), "{kernel} is not in the machine code");
            }
        }
    }

    #[test]
    fn what_does_not_compile_is_told_with_its_line() {
        if nvrtc_version().is_err() {
            eprintln!("what_does_not_compile_is_told_with_its_line skipped: there is no NVRTC");
            return;
        }
        let error =
            compile("extern \"C\" __global__ void broken() {\n  missing();\n}", (9, 0)).unwrap_err().to_string();
        assert!(error.contains("chauffeur.cu(2)") && error.contains("missing"), "{error}");
    }

    #[test]
    fn the_cache_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/kernels.cubin");
        assert!(keep(&path, b"code"));
        assert_eq!(kept(&path).unwrap(), b"code");
        let whole = fs::read(&path).unwrap();
        for length in [0, 7, 32, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(kept(&path), None, "{length} bytes");
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(!keep(&path.join("below/a/file"), b"code"));
    }
}
