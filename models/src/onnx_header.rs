//! Reads what an ONNX file says about itself: opset, inputs, outputs, the names of its nodes. Weights are skipped.
//!
//! ONNX is protobuf; the field numbers are those of `onnx.proto`. No schema compiler is needed for the few that count: a file can be
//! checked before any engine sees it, and an engine's refusal can name the node.

use crate::protobuf::{Field, Message, Value, WireError, each};

/// How a dimension without number and name is shown.
pub(crate) const UNNAMED: &str = "?";

/// A dimension: a number, or a name for one that is known only at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    Fixed(u64),
    Symbol(String),
}

/// An input or output of the graph. `element` is the number of `TensorProto.DataType` (1 = f32, 2 = u8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ValueHeader {
    pub name: String,
    pub element: u64,
    pub dimensions: Vec<Dimension>,
}

/// One operator of the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeHeader {
    pub operator: String,
    pub name: String,
    /// The attributes that hold integers, by name.
    pub integers: Vec<(String, Vec<i64>)>,
}

/// What a file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnnxHeader {
    pub opset: u64,
    pub inputs: Vec<ValueHeader>,
    pub outputs: Vec<ValueHeader>,
    pub nodes: Vec<NodeHeader>,
}

impl OnnxHeader {
    /// Reads the header. Initializers that are listed as inputs (ONNX before IR 4) are not inputs.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let mut header = Self::default();
        let mut initializers = Vec::new();
        let mut has_graph = false;
        each(Message { bytes, offset: 0 }, &mut |number, field| {
            match number {
                7 => {
                    has_graph = true;
                    each(field.message()?, &mut |number, field| header.read_graph(number, field, &mut initializers))?;
                }
                8 => {
                    let (mut domain, mut version) = (String::new(), 0);
                    each(field.message()?, &mut |number, field| {
                        match number {
                            1 => domain = field.text()?,
                            2 => version = field.varint()?,
                            _ => {}
                        }
                        Ok(())
                    })?;
                    if domain.is_empty() || domain == "ai.onnx" {
                        header.opset = version;
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        if !has_graph {
            return Err(WireError { offset: bytes.len(), reason: "it ends without a graph" });
        }
        header.inputs.retain(|input| !initializers.contains(&input.name));
        Ok(header)
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&NodeHeader> {
        self.nodes.iter().find(|node| node.name == name)
    }

    fn read_graph(&mut self, number: u64, field: Field, initializers: &mut Vec<String>) -> Result<(), WireError> {
        match number {
            1 => self.nodes.push(read_node(field.message()?)?),
            5 => each(field.message()?, &mut |number, field| {
                if number == 8 {
                    initializers.push(field.text()?);
                }
                Ok(())
            })?,
            11 => self.inputs.push(read_value(field.message()?)?),
            12 => self.outputs.push(read_value(field.message()?)?),
            _ => {}
        }
        Ok(())
    }
}

fn read_node(message: Message) -> Result<NodeHeader, WireError> {
    let mut node = NodeHeader::default();
    each(message, &mut |number, field| {
        match number {
            3 => node.name = field.text()?,
            4 => node.operator = field.text()?,
            5 => {
                let (mut name, mut integers) = (String::new(), Vec::new());
                each(field.message()?, &mut |number, field| {
                    match (number, field.value) {
                        (1, _) => name = field.text()?,
                        (3 | 8, Value::Varint(value)) => integers.push(value as i64),
                        (8, Value::Bytes(packed)) => {
                            let mut rest = Message { bytes: packed, offset: field.offset };
                            while !rest.bytes.is_empty() {
                                integers.push(rest.varint()? as i64);
                            }
                        }
                        _ => {}
                    }
                    Ok(())
                })?;
                if !integers.is_empty() {
                    node.integers.push((name, integers));
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(node)
}

/// ValueInfoProto { name = 1, type = 2 { tensor_type = 1 { elem_type = 1, shape = 2 { dim = 1 { dim_value = 1, dim_param = 2 }}}}}
fn read_value(message: Message) -> Result<ValueHeader, WireError> {
    let mut value = ValueHeader::default();
    each(message, &mut |number, field| match number {
        1 => field.text().map(|name| value.name = name),
        2 => each(field.message()?, &mut |number, field| match number {
            1 => each(field.message()?, &mut |number, field| match number {
                1 => field.varint().map(|element| value.element = element),
                2 => each(field.message()?, &mut |number, field| match number {
                    1 => read_dimension(field.message()?).map(|dimension| value.dimensions.push(dimension)),
                    _ => Ok(()),
                }),
                _ => Ok(()),
            }),
            _ => Ok(()),
        }),
        _ => Ok(()),
    })?;
    Ok(value)
}

fn read_dimension(message: Message) -> Result<Dimension, WireError> {
    let mut dimension = Dimension::Symbol(UNNAMED.into());
    each(message, &mut |number, field| {
        match number {
            1 => dimension = Dimension::Fixed(field.varint()?),
            2 => dimension = Dimension::Symbol(field.text()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(dimension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn small_model() -> Vec<u8> {
        let dilations = [field(1, b"dilations"), vec![8 << 3, 2, 8 << 3, 2]].concat();
        let node = [field(3, b"pool_1"), field(4, b"MaxPool"), field(5, &dilations)].concat();
        let shape = [field(1, &[1 << 3, 3]), field(1, &field(2, b"width"))].concat();
        let kind = field(1, &[vec![1 << 3, 1], field(2, &shape)].concat());
        let input = [field(1, b"image"), field(2, &kind)].concat();
        let weight = [field(1, b"w"), field(2, &kind)].concat();
        let graph =
            [field(1, &node), field(5, &field(8, b"w")), field(11, &input), field(11, &weight), field(12, &input)]
                .concat();
        [vec![1 << 3, 8], field(8, &[2 << 3, 17]), field(7, &graph)].concat()
    }

    #[test]
    fn a_small_model_is_read() {
        let header = OnnxHeader::read(&small_model()).unwrap();
        let value = ValueHeader {
            name: "image".into(),
            element: 1,
            dimensions: vec![Dimension::Fixed(3), Dimension::Symbol("width".into())],
        };
        assert_eq!((header.opset, &header.inputs, &header.outputs), (17, &vec![value.clone()], &vec![value]));
        let node = header.node("pool_1").unwrap();
        assert_eq!((node.operator.as_str(), &node.integers), ("MaxPool", &vec![("dilations".into(), vec![2, 2])]));
    }

    #[test]
    fn no_cut_and_no_byte_makes_it_panic() {
        let good = small_model();
        for end in 0..good.len() {
            let _ = OnnxHeader::read(&good[..end]);
        }
        for at in 0..good.len() {
            for value in 0..=255 {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = OnnxHeader::read(&bad);
            }
        }
        assert_eq!(OnnxHeader::read(&[]).unwrap_err().reason, "it ends without a graph");
        assert_eq!(OnnxHeader::read(&good[..good.len() - 1]).unwrap_err().reason, "it is cut off");
    }
}
