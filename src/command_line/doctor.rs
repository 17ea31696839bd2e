//! `chauffeur doctor`.

use super::NetworkOptions;
use crate::onnxruntime;
use crate::stack::Networks;
use clap::Args;
use models::Provider;
use models::gpu::{Library, libraries};
use std::process::ExitCode;

/// What to look at.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    networks: NetworkOptions,
}

/// The order of preference, and why.
const ORDER: [(Provider, &str); 3] = [
    (Provider::TensorRt, "the fastest, but builds an engine for each network, GPU and driver first"),
    (Provider::Cuda, "nothing to build but the kernels, which takes a second, once"),
    (Provider::Cpu, "runs everywhere"),
];

/// Says what of others is there, what is missing, what that allows, and tries it. 0 if the provider that was asked for runs.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let choice = options.networks.choice();
    let library = onnxruntime::find(choice.onnxruntime.as_deref())?;
    match &library {
        Some(library) => println!("ok       ONNX Runtime: {} (named by {})", library.path.display(), library.found_by),
        None => println!(
            "missing  libonnxruntime.so: looked for by --onnxruntime, ORT_DYLIB_PATH, the active Python, the system"
        ),
    }
    let found = libraries(library.as_ref().map(|library| library.path.as_path()));
    for Library { name, needed_by, found } in &found {
        match found {
            Ok(version) if version.is_empty() => println!("ok       {name} (for {needed_by})"),
            Ok(version) => println!("ok       {name}: {version} (for {needed_by})"),
            Err(reason) => println!("missing  {name} (for {needed_by}): {reason}"),
        }
    }
    let cache = onnxruntime::cache().map_or_else(|| "none: no home folder".into(), |path| path.display().to_string());
    println!("cache    {cache}");
    println!("order of preference:");
    for (provider, reason) in ORDER {
        let missing = found.iter().find(|library| library.found.is_err() && needs(provider, library.needed_by));
        let state = match (provider, &library, missing) {
            (Provider::Cpu, None, _) => "with the embedded engine rten".to_string(),
            (Provider::Cpu, Some(_), _) => "with ONNX Runtime".to_string(),
            (_, None, _) => "not here: there is no ONNX Runtime".to_string(),
            (_, Some(_), Some(missing)) => format!("not here: {}", missing.name),
            (_, Some(_), None) => "can be had".to_string(),
        };
        println!("  {:<9} {state}; {reason}", provider.name());
    }
    println!("trying --provider {}:", choice.provider.name());
    let networks = Networks::load(&choice, true, true)?;
    println!("{}", networks.describe());
    Ok(ExitCode::SUCCESS)
}

/// TensorRT stands on CUDA.
fn needs(provider: Provider, needed_by: &str) -> bool {
    match provider {
        Provider::Cpu => false,
        Provider::Cuda => needed_by == "CUDA",
        Provider::TensorRt => true,
    }
}
