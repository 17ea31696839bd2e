//! Every message comes back bit for bit.

use super::*;
use crate::samples::every_message;
use crate::topics::OWN_DESCRIPTORS;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use std::collections::{BTreeMap, BTreeSet};
use types::{Stamp, Verdict};

fn own_file() -> FileDescriptorProto {
    let set = FileDescriptorSet::decode(OWN_DESCRIPTORS).unwrap();
    set.file.into_iter().find(|file| file.name() == "chauffeur.proto").unwrap()
}

#[test]
fn the_descriptor_set_is_that_of_the_proto_file() {
    let mut stated = BTreeMap::<String, BTreeSet<String>>::new();
    let mut message = String::new();
    for line in include_str!("../../schemas/chauffeur.proto").lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("message ").or(line.strip_prefix("enum ")) {
            message = rest.trim_end_matches(" {").to_string();
            stated.entry(message.clone()).or_default();
        } else if let Some((field, number)) = line.trim_end_matches(';').split_once(" = ")
            && !line.starts_with("//")
            && !message.is_empty()
        {
            stated.entry(message.clone()).or_default().insert(format!("{field} = {number}"));
        }
    }
    let mut compiled = BTreeMap::new();
    for message in own_file().message_type {
        let field = |field: &prost_types::FieldDescriptorProto| {
            let kind = match field.r#type() {
                Type::Message | Type::Enum => {
                    field.type_name().trim_start_matches(".chauffeur.").trim_start_matches('.').to_string()
                }
                scalar => format!("{scalar:?}").to_lowercase(),
            };
            let label = match field.label() {
                Label::Repeated => "repeated ",
                _ if field.proto3_optional() => "optional ",
                _ => "",
            };
            format!("{label}{kind} {} = {}", field.name(), field.number())
        };
        compiled.insert(message.name().to_string(), message.field.iter().map(field).collect::<BTreeSet<_>>());
    }
    for list in own_file().enum_type {
        let values = list.value.iter().map(|value| format!("{} = {}", value.name(), value.number()));
        compiled.insert(list.name().to_string(), values.collect());
    }
    assert_eq!(compiled, stated, "run protoc as schemas/chauffeur.proto says");
}

#[test]
fn verdicts_have_their_names_and_places() {
    let file = own_file();
    let names = file.enum_type[0].value.iter().map(|value| value.name().to_lowercase().replace('_', " "));
    let expected = Verdict::ALL.iter().map(|verdict| verdict.name().to_string());
    assert_eq!(names.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert!(Verdict::ALL.iter().enumerate().all(|(place, &verdict)| verdict as usize == place));
}

/// Marks the fields that a message's bytes use, and fails on one that the schema does not know or types otherwise.
fn mark(file: &FileDescriptorProto, message: &DescriptorProto, mut data: &[u8], used: &mut BTreeSet<(String, i32)>) {
    while !data.is_empty() {
        let (number, wire) = prost::encoding::decode_key(&mut data).unwrap();
        let name = message.name();
        let field = message.field.iter().find(|field| field.number() == number as i32);
        let field = field.unwrap_or_else(|| panic!("{name} has no field {number}"));
        used.insert((name.to_string(), field.number()));
        let packed = field.label() == Label::Repeated && !matches!(field.r#type(), Type::Message | Type::String);
        let expected = match field.r#type() {
            Type::Message | Type::String => 2,
            _ if packed => 2,
            Type::Double => 1,
            Type::Float => 5,
            Type::Uint32 | Type::Uint64 | Type::Enum => 0,
            other => panic!("{name}.{} is {other:?}", field.name()),
        };
        assert_eq!(wire as i32, expected, "{name}.{}", field.name());
        let length = match expected {
            1 => 8,
            5 => 4,
            2 => prost::encoding::decode_varint(&mut data).unwrap() as usize,
            _ => {
                prost::encoding::decode_varint(&mut data).unwrap();
                0
            }
        };
        let (value, rest) = data.split_at(length);
        let nested = field.type_name().strip_prefix(".chauffeur.").filter(|_| field.r#type() == Type::Message);
        if let Some(nested) = nested {
            let nested = file.message_type.iter().find(|message| message.name() == nested).unwrap();
            mark(file, nested, value, used);
        }
        data = rest;
    }
}

#[test]
fn every_struct_writes_what_its_schema_says_and_all_of_it() {
    let (file, mut used) = (own_file(), BTreeSet::new());
    for sample in every_message() {
        let Some(name) = sample.place().row().schema.strip_prefix("chauffeur.") else { continue };
        let message = file.message_type.iter().find(|message| message.name() == name).unwrap();
        let mut data = Vec::new();
        encode::message(&sample, Stamp::from_nanos(1), &mut data);
        mark(&file, message, &data, &mut used);
    }
    for message in &file.message_type {
        for field in &message.field {
            let place = (message.name().to_string(), field.number());
            assert!(used.contains(&place), "nothing writes {}.{}", message.name(), field.name());
        }
    }
}
