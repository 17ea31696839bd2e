//! Where the ONNX Runtime library is looked for, and where what is made for a GPU is kept.

use anyhow::ensure;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The library to load and why it is this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// The shared library.
    pub path: PathBuf,
    /// Who named it.
    pub found_by: &'static str,
}

/// Looks for ONNX Runtime: the given path, `ORT_DYLIB_PATH`, the active Python's `onnxruntime` package, the system.
/// `None` if there is none; `off` as the given path looks nowhere.
///
/// # Errors
/// If a path was given, by option or environment, and there is no file.
#[allow(clippy::disallowed_methods)] // the environment is read here and handed down
pub fn find(given: Option<&Path>) -> anyhow::Result<Option<Library>> {
    if given == Some(Path::new("off")) {
        return Ok(None);
    }
    let from_environment = std::env::var_os("ORT_DYLIB_PATH").filter(|v| !v.is_empty()).map(PathBuf::from);
    let named = [(given.map(Path::to_path_buf), "--onnxruntime"), (from_environment, "ORT_DYLIB_PATH")];
    for (path, found_by) in named {
        if let Some(path) = path {
            ensure!(path.is_file(), "{}: no such library ({found_by})", path.display());
            return Ok(Some(Library { path, found_by }));
        }
    }
    let found = python().map(|path| Library { path, found_by: "the active Python" });
    Ok(found.or_else(|| system().map(|path| Library { path, found_by: "the system" })))
}

/// Where compiled kernels and engines of a GPU are kept: `chauffeur` in `XDG_CACHE_HOME`, or in `.cache` of the home folder.
#[must_use]
#[allow(clippy::disallowed_methods)] // the environment is read here and handed down
pub fn cache() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    caches.filter(|path| path.is_absolute()).map(|path| path.join("chauffeur"))
}

/// `onnxruntime/capi/libonnxruntime.so.*` of the Python that `python3` starts.
fn python() -> Option<PathBuf> {
    let code = "import sysconfig; print(sysconfig.get_paths()['purelib'])";
    let output = Command::new("python3").args(["-I", "-c", code]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let folder = String::from_utf8(output.ok()?.stdout).ok()?;
    newest(&Path::new(folder.trim()).join("onnxruntime/capi"))
}

fn system() -> Option<PathBuf> {
    ["/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/opt/onnxruntime/lib"]
        .iter()
        .find_map(|folder| newest(Path::new(folder)))
}

/// The library with the greatest name in a folder.
fn newest(folder: &Path) -> Option<PathBuf> {
    let is_library = |path: &PathBuf| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let stem = ["libonnxruntime.so", "libonnxruntime.dylib", "onnxruntime.dll"];
        stem.iter().any(|stem| name == *stem || name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.')))
    };
    std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter(is_library).max()
}
