//! rten: an engine in Rust that is part of the program. CPU only, 32 bit, a smaller set of operators.

use super::{Buffer, Numbers, copy_output};
use crate::{ModelError, NetworkSpec, TensorSpec, onnx_header::NodeHeader};
use rten::{LoadError, Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueView};
use rten_tensor::prelude::*;
use std::sync::Arc;

/// The version this program is built with.
pub(super) const VERSION: &str = "0.27";

/// The engine's threads, shared by its networks.
pub(super) struct Runtime {
    pool: Arc<ThreadPool>,
}

impl Runtime {
    pub fn open(threads: usize) -> Self {
        Self { pool: Arc::new(ThreadPool::with_num_threads(threads)) }
    }

    pub fn load(&self, spec: &NetworkSpec, fetched: &[&TensorSpec]) -> Result<RtenSession, ModelError> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options.load(spec.bytes.to_vec()).map_err(|error| refusal(spec, &error))?;
        let node = |tensor: &TensorSpec| {
            model.node_id(&tensor.name).map_err(|error| ModelError::Load {
                network: spec.name.clone(),
                engine: engine(),
                reason: error.to_string(),
            })
        };
        let inputs = spec.inputs.iter().map(node).collect::<Result<_, _>>()?;
        let outputs = fetched.iter().map(|tensor| node(tensor)).collect::<Result<_, _>>()?;
        Ok(RtenSession { model, inputs, outputs, pool: self.pool.clone() })
    }
}

fn engine() -> String {
    format!("rten {VERSION}")
}

/// Names the operator and the node that rten cannot run. rten gives the node's name; the operator and the attributes that it
/// stumbled over come from the file.
fn refusal(spec: &NetworkSpec, error: &LoadError) -> ModelError {
    let (network, engine, reason) = (spec.name.clone(), engine(), error.to_string());
    let Some(node) = error.node().and_then(|name| spec.header.node(name)) else {
        return ModelError::Load { network, engine, reason };
    };
    let named_in = |(name, _): &&(String, Vec<i64>)| reason.contains(name.as_str());
    let NodeHeader { operator, name, integers } = node;
    let reason = match integers.iter().find(named_in) {
        Some((attribute, values)) => format!("{attribute} {values:?} ({reason})"),
        None => reason,
    };
    ModelError::Unsupported { network, engine, operator: operator.clone(), node: name.clone(), reason }
}

/// One network in rten.
pub(super) struct RtenSession {
    model: Model,
    inputs: Vec<NodeId>,
    outputs: Vec<NodeId>,
    pool: Arc<ThreadPool>,
}

impl RtenSession {
    pub fn run(
        &mut self,
        network: &str,
        inputs: &[Buffer<Vec<f32>>],
        outputs: &mut [Buffer<Numbers>],
    ) -> Result<(), ModelError> {
        let failed = |reason: String| ModelError::Run { network: network.into(), engine: engine(), reason };
        let mut values = Vec::with_capacity(inputs.len());
        for (&id, input) in self.inputs.iter().zip(inputs) {
            let view = ValueView::from_shape(&input.spec.shape, &input.data);
            values.push((id, view.map_err(|error| failed(error.to_string()))?.into()));
        }
        let options = RunOptions::default().with_thread_pool(Some(self.pool.clone()));
        let results =
            self.model.run(values, &self.outputs, Some(options)).map_err(|error| failed(error.to_string()))?;
        for (Buffer { spec, data }, value) in outputs.iter_mut().zip(&results) {
            let wrong_element = || ModelError::Mismatch {
                network: network.into(),
                what: format!("element of {}", spec.name),
                expected: format!("{:?}", spec.element),
                found: value.dtype().to_string(),
            };
            match data {
                Numbers::F32(target) => {
                    let tensor = value.as_tensor_view::<f32>().ok_or_else(wrong_element)?;
                    copy_output(network, spec, tensor.shape(), tensor.to_contiguous().data(), target)?;
                }
                Numbers::U8(target) => {
                    let tensor = value.as_tensor_view::<u8>().ok_or_else(wrong_element)?;
                    copy_output(network, spec, tensor.shape(), tensor.to_contiguous().data(), target)?;
                }
            }
        }
        Ok(())
    }
}
