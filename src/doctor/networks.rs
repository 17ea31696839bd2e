//! The networks, their engine, and what a GPU needs.

use super::{Check, Verdict};
use crate::onnxruntime;
use crate::stack::{CatalogueChoice, NetworkChoice, Networks};
use control::safety::HealthItem;
use models::Provider;
use models::gpu::{Library, libraries};

/// The order of preference, and why.
const ORDER: [(Provider, &str); 3] = [
    (Provider::TensorRt, "the fastest, but builds an engine for each network, GPU and driver first"),
    (Provider::Cuda, "nothing to build but the kernels, which takes a second, once"),
    (Provider::Cpu, "runs everywhere"),
];

/// Libraries, what they allow, and whether the networks load.
pub(super) fn check(choice: &NetworkChoice) -> Vec<Check> {
    let library = match onnxruntime::find(choice.onnxruntime.as_deref()) {
        Ok(library) => library,
        Err(error) => return vec![Check::fail(HealthItem::Networks, "ONNX Runtime", &error)],
    };
    let mut engine = match &library {
        Some(library) => Check::new(
            HealthItem::Networks,
            "ONNX Runtime",
            Verdict::Pass,
            format!("{} (named by {})", library.path.display(), library.found_by),
        ),
        None => Check::new(
            HealthItem::Networks,
            "ONNX Runtime",
            if choice.provider == Provider::Cpu { Verdict::Warn } else { Verdict::Fail },
            "missing: the embedded engine rten runs the networks, at half the speed. Looked for by --onnxruntime, ORT_DYLIB_PATH, the \
             active Python, the system",
        ),
    };
    let cache = onnxruntime::cache().map_or_else(|| "none: no home folder".into(), |path| path.display().to_string());
    engine.notes.push(format!("cache {cache}"));
    let found = libraries(library.as_ref().map(|library| library.path.as_path()));
    vec![engine, gpu(choice.provider, library.is_some(), &found), loaded(choice)]
}

fn gpu(provider: Provider, has_library: bool, found: &[Library]) -> Check {
    let missing = |provider| found.iter().find(|library| library.found.is_err() && needs(provider, library.needed_by));
    let (verdict, finding) = match (provider, missing(provider)) {
        (Provider::Cpu, _) => (Verdict::Pass, "not asked for (--provider)".to_string()),
        (_, None) => (Verdict::Pass, format!("all that {provider} needs is there")),
        (_, Some(library)) => (Verdict::Fail, format!("{provider} needs {}", library.name)),
    };
    let mut check = Check::new(HealthItem::Networks, "GPU", verdict, finding);
    check.notes.extend(found.iter().map(|Library { name, needed_by, found }| match found {
        Ok(version) if version.is_empty() => format!("there: {name} (for {needed_by})"),
        Ok(version) => format!("there: {name}: {version} (for {needed_by})"),
        Err(reason) => format!("missing: {name} (for {needed_by}): {reason}"),
    }));
    check.notes.extend(ORDER.iter().map(|(provider, reason)| {
        let state = match (provider, has_library, missing(*provider)) {
            (Provider::Cpu, false, _) => "with the embedded engine rten".to_string(),
            (Provider::Cpu, true, _) => "with ONNX Runtime".to_string(),
            (_, false, _) => "not here: there is no ONNX Runtime".to_string(),
            (_, true, Some(missing)) => format!("not here: {}", missing.name),
            (_, true, None) => "can be had".to_string(),
        };
        format!("{:<9} {state}; {reason}", provider.name())
    }));
    check
}

fn loaded(choice: &NetworkChoice) -> Check {
    if choice.catalogue == CatalogueChoice::Nothing {
        return Check::new(
            HealthItem::Networks,
            "networks",
            Verdict::Warn,
            "none: the geometric detector alone names nothing",
        );
    }
    match Networks::load(choice, true, true) {
        Err(error) => Check::fail(HealthItem::Networks, "networks", &error),
        Ok(networks) => {
            let described = networks.describe();
            let mut lines = described.lines().map(|line| line.trim().to_string());
            let mut check =
                Check::new(HealthItem::Networks, "networks", Verdict::Pass, lines.next().unwrap_or_default());
            check.notes.extend(lines);
            check
        }
    }
}

/// TensorRT stands on CUDA.
fn needs(provider: Provider, needed_by: &str) -> bool {
    match provider {
        Provider::Cpu => false,
        Provider::Cuda => needed_by == "CUDA",
        Provider::TensorRt => true,
    }
}
