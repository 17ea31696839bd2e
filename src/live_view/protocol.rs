//! The words of `foxglove.sdk.v1`: JSON for what is said seldom, binary for messages.

use recordings::{StreamChannel, stream_channels};
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Names of the protocol that are spoken here, the best first. The second one is that of Lichtblick and older viewers.
pub(super) const NAMES: [&str; 2] = ["foxglove.sdk.v1", "foxglove.websocket.v1"];

const MESSAGE: u8 = 1;
const TIME: u8 = 2;

/// The first of our names among those that the viewer offers, in the words of its headers.
pub(super) fn agree<'a>(offered: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let offered: Vec<&str> = offered.flat_map(|line| line.split(',')).map(str::trim).collect();
    NAMES.into_iter().find(|name| offered.contains(name))
}

/// Who speaks.
pub(super) fn server_info() -> String {
    let version = concat!("chauffeur ", env!("CARGO_PKG_VERSION"));
    let info = json!({
        "op": "serverInfo",
        "name": version,
        "capabilities": ["time"],
        "supportedEncodings": [],
        "metadata": {},
    });
    info.to_string()
}

/// Which channels there are.
pub(super) fn advertise() -> String {
    let channel = |channel: &StreamChannel| {
        json!({
            "id": channel.id,
            "topic": channel.topic,
            "encoding": channel.encoding,
            "schemaName": channel.schema,
            "schemaEncoding": "protobuf",
            "schema": base64(&channel.descriptors),
        })
    };
    let channels: Vec<Value> = stream_channels().iter().map(channel).collect();
    json!({ "op": "advertise", "channels": channels }).to_string()
}

/// A remark about the viewer's own mistakes.
pub(super) fn warning(text: &str) -> String {
    json!({ "op": "status", "level": 1, "message": text }).to_string()
}

/// The frame of a message: `[1][subscription u32 LE][log time u64 LE][payload]`.
pub(super) fn message(subscription: u32, log_time: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(13 + payload.len());
    frame.push(MESSAGE);
    frame.extend_from_slice(&subscription.to_le_bytes());
    frame.extend_from_slice(&log_time.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The frame of the drive's time: `[2][time u64 LE]`.
pub(super) fn time(nanos: u64) -> Vec<u8> {
    let mut frame = vec![TIME];
    frame.extend_from_slice(&nanos.to_le_bytes());
    frame
}

/// One wish of a viewer.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Wish {
    /// Messages of these channels.
    Subscribe { subscriptions: Vec<Subscription> },
    /// No more of them.
    Unsubscribe { subscription_ids: Vec<u32> },
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscription {
    /// The viewer's own number.
    pub(super) id: u32,
    /// The channel.
    pub(super) channel_id: u64,
}

/// Standard base64 with padding.
fn base64(bytes: &Cow<'static, [u8]>) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_the_specification_says() {
        assert_eq!(message(0x0403_0201, 5, b"ab"), [1, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
        assert_eq!(time(258), [2, 2, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn wishes_are_read_and_others_refused() {
        let wish: Wish =
            serde_json::from_str(r#"{"op":"subscribe","subscriptions":[{"id":7,"channelId":12}]}"#).unwrap();
        assert_eq!(wish, Wish::Subscribe { subscriptions: vec![Subscription { id: 7, channel_id: 12 }] });
        let wish: Wish = serde_json::from_str(r#"{"op":"unsubscribe","subscriptionIds":[7]}"#).unwrap();
        assert_eq!(wish, Wish::Unsubscribe { subscription_ids: vec![7] });
        for text in ["", "[]", "{\"op\":\"drive\"}", "{\"op\":\"subscribe\"}", "\u{0}"] {
            assert!(serde_json::from_str::<Wish>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_name_is_agreed_on_exactly() {
        assert_eq!(agree(["foxglove.websocket.v1"].into_iter()), Some("foxglove.websocket.v1"));
        assert_eq!(agree(["foxglove.sdk.v1.1, foxglove.sdk.v1", "foxglove.websocket.v1"].into_iter()), Some(NAMES[0]));
        assert_eq!(agree(["foxglove.sdk.v1.1", "foxglove.sdk.v11", ""].into_iter()), None);
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(&Cow::Owned(plain.as_bytes().to_vec())), coded);
        }
        assert_eq!(base64(&Cow::Borrowed(&[0xFB, 0xFF])), "+/8=");
    }

    #[test]
    fn every_topic_is_advertised_with_its_schema() {
        let said: Value = serde_json::from_str(&advertise()).unwrap();
        let channels = said["channels"].as_array().unwrap();
        assert_eq!(channels.len(), stream_channels().len());
        for channel in channels {
            assert!(
                channel["topic"].as_str().unwrap().starts_with('/') && !channel["schema"].as_str().unwrap().is_empty()
            );
        }
    }
}
