//! What the device refuses, and a cache that is broken.

use crate::pillars::pillars_are_the_references;
use models::gpu::{Cuda, Device};

#[test]
fn what_the_device_refuses_is_said_with_numbers() {
    let cuda = match Cuda::open(None) {
        Ok(cuda) => cuda,
        Err(reason) => {
            eprintln!("what_the_device_refuses_is_said_with_numbers skipped: {reason}");
            return;
        }
    };
    let said = cuda.memory(1 << 42).err().unwrap().to_string();
    assert!(
        said.contains("CUDA_ERROR_OUT_OF_MEMORY")
            && said.contains("4398046511104 bytes")
            && said.contains("MiB are free"),
        "{said}"
    );
    let (memory, staging) = (cuda.memory(64).unwrap(), cuda.staging(32).unwrap());
    let said = cuda.upload(&staging, 0..64, &memory).unwrap_err().to_string();
    assert_eq!(said, "upload: 64 bytes do not fit 32");
    // It goes on working.
    cuda.upload(&staging, 0..32, &memory).unwrap();
    cuda.wait().unwrap();
}

#[test]
fn a_broken_cache_of_kernels_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Cuda::open(Some(folder.path()));
    if let Err(reason) = open() {
        eprintln!("a_broken_cache_of_kernels_is_made_again skipped: {reason}");
        return;
    }
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    for broken in [&b"\x7fELF and nothing"[..], &whole[..whole.len() / 2], b""] {
        std::fs::write(&file, broken).unwrap();
        pillars_are_the_references(&open().unwrap(), "after a broken cache");
        assert!(std::fs::read(&file).unwrap() == whole);
    }
}
