//! A DBC file: which messages there are and where their signals lie.

use super::Id;
use super::bits::{Kind, Layout, Order};
use can_dbc::{ByteOrder, Dbc, MessageId, MultiplexIndicator, NumericValue, SignalExtendedValueType, ValueType};
use std::collections::BTreeMap;
use thiserror::Error;

/// Why a DBC file cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DatabaseError {
    /// The text is no DBC.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Line, from 1; 0 if the parser does not tell.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// Two messages with one identifier or one name.
    #[error("line {line}: message {message} is there twice")]
    Twice {
        /// Line of the second, from 1.
        line: usize,
        /// Name of the message.
        message: String,
    },
}

/// When a signal is there: while another holds one of these raw values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Name of the signal that switches.
    pub by: String,
    /// Raw values, first and last.
    pub values: Vec<(u64, u64)>,
}

/// A signal of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub layout: Layout,
    /// Its unit, as the file writes it.
    pub unit: String,
    /// When it is there; `None`: always.
    pub switch: Option<Switch>,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its identifier.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Bytes of its frames.
    pub length: usize,
    /// Its signals, in the file's order.
    pub signals: Vec<Signal>,
}

/// A signal that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Line, from 1.
    pub line: usize,
    /// Name of its message.
    pub message: String,
    /// Its name.
    pub signal: String,
    /// What cannot be.
    pub reason: String,
}

/// The messages of a bus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Database {
    /// All messages, in the file's order.
    pub messages: Vec<Message>,
    /// Signals that no frame can hold: they are left out, and binding one tells why.
    pub refused: Vec<Refused>,
    by_id: BTreeMap<Id, usize>,
}

impl Message {
    /// A signal by its name.
    #[must_use]
    pub fn signal(&self, name: &str) -> Option<&Signal> {
        self.signals.iter().find(|signal| signal.name == name)
    }

    /// Whether a signal is there in these bytes.
    #[must_use]
    pub fn holds(&self, signal: &Signal, data: &[u8]) -> bool {
        let mut signal = signal;
        // A switch may be switched itself, but not for ever.
        for _ in 0..self.signals.len() {
            let Some(switch) = &signal.switch else { return true };
            let Some(by) = self.signal(&switch.by) else { return false };
            let raw = by.layout.raw(data);
            if !switch.values.iter().any(|(first, last)| (*first..=*last).contains(&raw)) {
                return false;
            }
            signal = by;
        }
        false
    }
}

impl Database {
    /// Reads a DBC file. Bytes that are no UTF-8 are taken as Latin-1.
    ///
    /// # Errors
    /// Text that is no DBC, and messages that are there twice, each with its line.
    pub fn parse(bytes: &[u8]) -> Result<Self, DatabaseError> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        };
        let dbc = Dbc::try_from(text.as_str()).map_err(|error| DatabaseError::Syntax {
            line: match &error {
                can_dbc::DbcError::Pest(pest) => line_of_pest(&pest.to_string()),
                _ => 0,
            },
            reason: error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
        })?;
        let mut database = Self::default();
        for message in &dbc.messages {
            let read = database.read_message(&dbc, message, &text);
            let twice = database.by_id.contains_key(&read.id) || database.message(&read.name).is_some();
            if twice {
                let line =
                    text.lines().enumerate().filter(|(_, line)| heads(line, message.id.raw(), &message.name)).last();
                return Err(DatabaseError::Twice { line: line.map_or(0, |(index, _)| index + 1), message: read.name });
            }
            database.by_id.insert(read.id, database.messages.len());
            database.messages.push(read);
        }
        Ok(database)
    }

    /// A message by its name.
    #[must_use]
    pub fn message(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }

    /// A message by its identifier.
    #[must_use]
    pub fn by_id(&self, id: Id) -> Option<&Message> {
        self.by_id.get(&id).and_then(|place| self.messages.get(*place))
    }

    fn read_message(&mut self, dbc: &Dbc, message: &can_dbc::Message, text: &str) -> Message {
        let id = match message.id {
            MessageId::Standard(id) => Id::Standard(id),
            MessageId::Extended(id) => Id::Extended(id),
        };
        // Vector keeps signals that belong to no message in one of 0 bytes: they are no frames.
        let length = usize::try_from(message.size).unwrap_or(0).min(super::LONGEST);
        let switch_name = message.signals.iter().find(|s| s.multiplexer_indicator == MultiplexIndicator::Multiplexor);
        let switch_name = switch_name.map(|signal| signal.name.clone());
        let mut signals = Vec::new();
        for signal in &message.signals {
            let read = Signal {
                name: signal.name.clone(),
                layout: layout(dbc, message, signal),
                unit: signal.unit.clone(),
                switch: switch(dbc, message, signal, switch_name.as_deref()),
            };
            match read.layout.fault(length) {
                None => signals.push(read),
                Some(reason) => self.refused.push(Refused {
                    line: line_of(text, message, &signal.name),
                    message: message.name.clone(),
                    signal: signal.name.clone(),
                    reason,
                }),
            }
        }
        Message { id, name: message.name.clone(), length, signals }
    }
}

fn layout(dbc: &Dbc, message: &can_dbc::Message, signal: &can_dbc::Signal) -> Layout {
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX).min(1 << 16);
    let float = dbc
        .signal_extended_value_type_list
        .iter()
        .find(|entry| entry.message_id == message.id && entry.signal_name == signal.name);
    let kind = match (float.map(|entry| entry.signal_extended_value_type), signal.value_type) {
        (Some(SignalExtendedValueType::IEEEfloat32Bit), _) => Kind::Float,
        (Some(SignalExtendedValueType::IEEEdouble64bit), _) => Kind::Double,
        (_, ValueType::Signed) => Kind::Signed,
        (_, ValueType::Unsigned) => Kind::Unsigned,
    };
    let number = |value: NumericValue| match value {
        NumericValue::Uint(value) => value as f64,
        NumericValue::Int(value) => value as f64,
        NumericValue::Double(value) => value,
    };
    let (low, high) = (number(signal.min), number(signal.max));
    Layout {
        start_bit: size(signal.start_bit),
        bits: size(signal.size),
        order: if signal.byte_order == ByteOrder::LittleEndian { Order::Little } else { Order::Big },
        kind,
        factor: signal.factor,
        offset: signal.offset,
        // [0|0] says nothing.
        range: (low < high).then_some((low, high)),
    }
}

fn switch(dbc: &Dbc, message: &can_dbc::Message, signal: &can_dbc::Signal, by: Option<&str>) -> Option<Switch> {
    let extended =
        dbc.extended_multiplex.iter().find(|entry| entry.message_id == message.id && entry.signal_name == signal.name);
    if let Some(entry) = extended {
        let values = entry.mappings.iter().map(|mapping| (mapping.min_value, mapping.max_value)).collect();
        return Some(Switch { by: entry.multiplexor_signal_name.clone(), values });
    }
    match signal.multiplexer_indicator {
        MultiplexIndicator::MultiplexedSignal(value) | MultiplexIndicator::MultiplexorAndMultiplexedSignal(value) => {
            Some(Switch { by: by.unwrap_or_default().to_owned(), values: vec![(value, value)] })
        }
        MultiplexIndicator::Multiplexor | MultiplexIndicator::Plain => None,
    }
}

/// Whether a line begins a message.
fn heads(line: &str, raw_id: u32, name: &str) -> bool {
    let mut words = line.split([' ', '\t', ':']).filter(|word| !word.is_empty());
    words.next() == Some("BO_") && words.next() == Some(raw_id.to_string().as_str()) && words.next() == Some(name)
}

fn line_of(text: &str, message: &can_dbc::Message, signal: &str) -> usize {
    let lines = text.lines().enumerate().skip_while(|(_, line)| !heads(line, message.id.raw(), &message.name));
    let of_signal = |line: &str| {
        let mut words = line.split([' ', '\t', ':']).filter(|word| !word.is_empty());
        words.next() == Some("SG_") && words.next() == Some(signal)
    };
    lines.into_iter().find(|(_, line)| of_signal(line)).map_or(0, |(index, _)| index + 1)
}

/// The line that the parser's message begins with: ` --> 12:5`.
fn line_of_pest(message: &str) -> usize {
    let place = message.split("-->").nth(1).and_then(|rest| rest.trim_start().split(':').next());
    place.and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A car of our own: both byte orders, signs, a switch, floats.
    pub(crate) const CAR: &str = include_str!("../../tests/data/car.dbc");

    pub(crate) fn car() -> Database {
        Database::parse(CAR.as_bytes()).unwrap()
    }

    #[test]
    fn messages_and_signals() {
        let car = car();
        assert_eq!(car.refused, []);
        let wheels = car.message("WHEELS").unwrap();
        assert_eq!((wheels.id, wheels.length, wheels.signals.len()), (Id::Standard(0x120), 8, 4));
        assert_eq!(car.by_id(Id::Extended(0x18FF_0010)).unwrap().name, "GEARBOX");
        let angle = car.message("STEERING").unwrap().signal("STEER_ANGLE").unwrap();
        assert_eq!((angle.layout.order, angle.layout.kind, angle.unit.as_str()), (Order::Big, Kind::Signed, "deg"));
        assert_eq!(angle.layout.range, Some((-780.0, 780.0)));
    }

    #[test]
    fn switched_signals() {
        let car = car();
        let message = car.message("DIAGNOSIS").unwrap();
        let holds = |name: &str, first: u8| message.holds(message.signal(name).unwrap(), &[first, 0, 0, 0, 0, 0, 0, 0]);
        assert!(holds("PAGE", 7) && holds("TEMPERATURE", 0) && !holds("TEMPERATURE", 1) && holds("CURRENT", 1));
    }

    #[test]
    fn what_cannot_be_is_named_with_its_line() {
        let long = CAR.replace("SG_ WHEEL_RR : 48|16", "SG_ WHEEL_RR : 52|16");
        let database = Database::parse(long.as_bytes()).unwrap();
        let line = CAR.lines().position(|line| line.contains("WHEEL_RR")).unwrap() + 1;
        let reason = "bit 64 of a message with 8 bytes".to_owned();
        let refused = Refused { line, message: "WHEELS".into(), signal: "WHEEL_RR".into(), reason };
        assert_eq!(database.refused, [refused]);
        let broken = CAR.replace("SG_ WHEEL_RR : 48|16@1+", "SG_ WHEEL_RR : 48|@1+");
        let error = Database::parse(broken.as_bytes()).unwrap_err();
        assert!(matches!(&error, DatabaseError::Syntax { line: found, .. } if *found == line), "{error}");
        let twice = CAR.replace("BO_ 289 STEERING", "BO_ 289 WHEELS");
        assert!(
            matches!(Database::parse(twice.as_bytes()), Err(DatabaseError::Twice { message, .. }) if message == "WHEELS")
        );
    }
}
