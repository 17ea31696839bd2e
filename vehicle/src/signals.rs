//! States of traffic lights as a gateway sends them: `{"seq": 7, "stamp_ns": 1796000000000000000, "phases": [[3, "red"]]}`.

use serde::Deserialize;
use types::{Phase, SensorTime, Signals, Stamp};

/// Most signals in a message.
const MOST: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Datagram {
    seq: u64,
    stamp_ns: i64,
    phases: Vec<(u32, String)>,
}

/// The message of a datagram, and when the gateway says it was; its stamp is still zero.
///
/// # Errors
/// What is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<(Signals, SensorTime), String> {
    let Datagram { seq, stamp_ns, phases } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if phases.len() > MOST {
        return Err(format!("{} signals, at most {MOST}", phases.len()));
    }
    let phase = |(id, name): (u32, String)| {
        Phase::from_name(&name).map(|phase| (id, phase)).ok_or_else(|| format!("signal {id} shows {name:.40}"))
    };
    let mut phases = phases.into_iter().map(phase).collect::<Result<Vec<_>, _>>()?;
    phases.sort_by_key(|(id, _)| *id);
    if let Some(twice) = phases.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("signal {} is there twice", twice[0].0));
    }
    Ok((Signals { seq, stamp: Stamp::default(), phases }, SensorTime::from_nanos(stamp_ns)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_is_read_and_what_is_wrong_is_named() {
        let (signals, time) = parse(br#"{"seq":7,"stamp_ns":12,"phases":[[9,"green"],[3,"red"]]}"#).unwrap();
        assert_eq!((signals.seq, signals.phases, time.nanos()), (7, vec![(3, Phase::Red), (9, Phase::Green)], 12));
        for (text, named) in [
            (r#"{"seq":7,"stamp_ns":12}"#, "phases"),
            (r#"{"seq":7,"stamp_ns":12,"phases":[[3,"blue"]]}"#, "signal 3 shows blue"),
            (r#"{"seq":7,"stamp_ns":12,"phases":[[3,"red"],[3,"green"]]}"#, "signal 3 is there twice"),
            (r#"{"seq":7,"stamp_ns":12,"phases":[],"more":1}"#, "more"),
            ("", "EOF"),
        ] {
            let said = parse(text.as_bytes()).unwrap_err();
            assert!(said.contains(named), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }
}
