//! `chauffeur models`.

use super::NetworkOptions;
use crate::onnxruntime;
use crate::stack::Networks;
use clap::Subcommand;
use std::process::ExitCode;
use std::time::Instant;

/// What to do with the networks.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Make everything that a provider makes once for this machine (kernels, TensorRT's engines), before a drive needs it.
    Warmup(NetworkOptions),
}

#[allow(clippy::disallowed_methods)] // it tells how long it took
pub fn run(What::Warmup(options): &What) -> anyhow::Result<ExitCode> {
    let choice = options.choice();
    println!("loading the networks on {}; TensorRT builds its engines now, which takes minutes", choice.provider);
    for round in ["first", "second"] {
        let begin = Instant::now();
        let networks = Networks::load(&choice, true, true)?;
        println!("{}\n{round} load: {:.1} s", networks.describe(), begin.elapsed().as_secs_f64());
    }
    if let Some(cache) = onnxruntime::cache() {
        println!("kept in {}", cache.display());
    }
    Ok(ExitCode::SUCCESS)
}
