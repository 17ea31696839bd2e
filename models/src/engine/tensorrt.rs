//! Where TensorRT keeps what it builds. An engine fits one network, one GPU and one driver; to build one takes minutes.

use crate::{ModelError, NetworkSpec, gpu::Cuda};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The engines of one GPU with one driver, and how the files of one network begin there.
pub(super) struct Place {
    pub folder: PathBuf,
    pub prefix: String,
}

impl Place {
    pub fn new(cache: &Path, cuda: &Cuda, spec: &NetworkSpec) -> Self {
        Self::on(cache, cuda.describe(), spec)
    }

    fn on(cache: &Path, device: &str, spec: &NetworkSpec) -> Self {
        let digest = Sha256::digest(device);
        let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { folder: cache.join(format!("tensorrt-{name}")), prefix: format!("{}-{:.12}", spec.name, spec.sha256) }
    }

    /// Says so if the network's engine would have to be built.
    ///
    /// # Errors
    /// [`ModelError::EngineNotBuilt`].
    pub fn require(&self, network: &str) -> Result<(), ModelError> {
        let is_engine = |name: &str| name.starts_with(&self.prefix) && name.ends_with(".engine");
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        if files.filter_map(|file| file.file_name().into_string().ok()).any(|name| is_engine(&name)) {
            return Ok(());
        }
        Err(ModelError::EngineNotBuilt { network: network.into(), folder: self.folder.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    #[test]
    fn an_engine_counts_for_its_network_and_device_alone() {
        let cache = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::embedded().unwrap();
        let [one, other] = [0, 1].map(|index| &catalogue.networks[index]);
        let place = Place::on(cache.path(), "a GPU and its driver", one);
        let said = place.require(&one.name).unwrap_err().to_string();
        assert!(said.contains(&one.name) && said.contains("chauffeur models warmup --provider tensorrt"), "{said}");
        std::fs::create_dir_all(&place.folder).unwrap();
        // As ONNX Runtime names them.
        std::fs::write(place.folder.join(format!("{}_7_0_0_sm90.engine", place.prefix)), "").unwrap();
        std::fs::write(
            place.folder.join(format!("{}_7_0_0_sm90.profile", Place::on(cache.path(), "", other).prefix)),
            "",
        )
        .unwrap();
        assert_eq!(place.require(&one.name), Ok(()));
        assert!(Place::on(cache.path(), "a GPU and its driver", other).require(&other.name).is_err());
        assert!(Place::on(cache.path(), "a newer driver", one).require(&one.name).is_err());
    }
}
