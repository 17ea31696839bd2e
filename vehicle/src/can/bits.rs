//! Signals in the bytes of a frame: bits, byte order, sign, scale.

use thiserror::Error;

/// How the bits of a signal lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Intel: the start bit is the lowest, bytes go up.
    Little,
    /// Motorola: the start bit is the highest, bytes go up while bits go down.
    Big,
}

/// What the bits mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number from 0.
    Unsigned,
    /// A whole number in two's complement.
    Signed,
    /// IEEE 754 of 32 bits.
    Float,
    /// IEEE 754 of 64 bits.
    Double,
}

/// Where a number is and how it scales: value = raw * factor + offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// As in the DBC file.
    pub start_bit: usize,
    /// Number of bits, 1 to 64.
    pub bits: usize,
    /// Byte order.
    pub order: Order,
    /// What the bits mean.
    pub kind: Kind,
    /// Value of one step.
    pub factor: f64,
    /// Value of raw zero.
    pub offset: f64,
    /// Smallest and largest value that the file allows; `None` if it says nothing.
    pub range: Option<(f64, f64)>,
}

/// Why a value has no place in a signal.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error("{value} is outside {low} to {high}")]
pub struct OutOfRange {
    /// The value.
    pub value: f64,
    /// Smallest that fits.
    pub low: f64,
    /// Largest that fits.
    pub high: f64,
}

impl Layout {
    /// Why no frame of `length` bytes can hold it.
    #[must_use]
    pub fn fault(&self, length: usize) -> Option<String> {
        let bits = self.bits;
        if !(1..=64).contains(&bits) {
            return Some(format!("{bits} bits"));
        }
        if matches!((self.kind, bits), (Kind::Float, b) if b != 32)
            || matches!((self.kind, bits), (Kind::Double, b) if b != 64)
        {
            return Some(format!("a floating-point number of {bits} bits"));
        }
        if !self.factor.is_finite() || self.factor == 0.0 || !self.offset.is_finite() {
            return Some(format!("factor {} and offset {}", self.factor, self.offset));
        }
        let beyond = self.places().find(|place| *place >= 8 * length)?;
        Some(format!("bit {beyond} of a message with {length} bytes"))
    }

    /// The places of its bits in a frame, from the lowest bit up.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let Self { start_bit, bits, order, .. } = *self;
        // Big-endian: bits counted from the first byte's highest bit, so that they go on from byte to byte.
        let first = 8 * (start_bit / 8) + 7 - start_bit % 8;
        (0..bits).map(move |bit| match order {
            Order::Little => start_bit + bit,
            Order::Big => {
                let linear = first + bits - 1 - bit;
                8 * (linear / 8) + 7 - linear % 8
            }
        })
    }

    /// Its bits in the bytes of a frame; bits beyond the frame are zero.
    #[must_use]
    pub fn raw(&self, data: &[u8]) -> u64 {
        let bit = |place: usize| u64::from(data.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1));
        self.places().enumerate().map(|(index, place)| bit(place) << index).sum()
    }

    /// Puts bits into the bytes of a frame and leaves the others as they are.
    pub fn put_raw(&self, raw: u64, data: &mut [u8]) {
        for (index, place) in self.places().enumerate() {
            if let Some(byte) = data.get_mut(place / 8) {
                let mask = 1 << (place % 8);
                *byte = if raw >> index & 1 == 1 { *byte | mask } else { *byte & !mask };
            }
        }
    }

    /// Its value in the bytes of a frame.
    #[must_use]
    pub fn value(&self, data: &[u8]) -> f64 {
        let raw = self.raw(data);
        let number = match self.kind {
            Kind::Unsigned => raw as f64,
            Kind::Signed => (raw.cast_signed() << (64 - self.bits) >> (64 - self.bits)) as f64,
            Kind::Float => f64::from(f32::from_bits(raw as u32)),
            Kind::Double => f64::from_bits(raw),
        };
        number * self.factor + self.offset
    }

    /// The values that fit: by the bits, and by the file if it says so.
    #[must_use]
    pub fn limits(&self) -> (f64, f64) {
        let power = |bits: usize| (bits as f64).exp2();
        let (low, high) = match self.kind {
            Kind::Unsigned => (0.0, power(self.bits) - 1.0),
            Kind::Signed => (-power(self.bits - 1), power(self.bits - 1) - 1.0),
            Kind::Float => (f64::from(f32::MIN), f64::from(f32::MAX)),
            Kind::Double => (f64::MIN, f64::MAX),
        };
        let (a, b) = (low * self.factor + self.offset, high * self.factor + self.offset);
        let (low, high) = (a.min(b), a.max(b));
        self.range.map_or((low, high), |(least, most)| (low.max(least), high.min(most)))
    }

    /// The bits of a value, rounded to the nearest step.
    ///
    /// # Errors
    /// The value is outside what the bits or the file allow, by more than rounding. Nothing is clipped.
    pub fn bits_of(&self, value: f64) -> Result<u64, OutOfRange> {
        let (low, high) = self.limits();
        let slack = match self.kind {
            Kind::Unsigned | Kind::Signed => 1e-6 * self.factor.abs(),
            Kind::Float | Kind::Double => 0.0,
        };
        if !(low - slack..=high + slack).contains(&value) {
            return Err(OutOfRange { value, low, high });
        }
        let number = (value - self.offset) / self.factor;
        Ok(match self.kind {
            Kind::Unsigned => number.round().max(0.0) as u64,
            Kind::Signed => (number.round() as i64).cast_unsigned() & (u64::MAX >> (64 - self.bits)),
            Kind::Float => u64::from((number as f32).to_bits()),
            Kind::Double => number.to_bits(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn layout(start_bit: usize, bits: usize, order: Order, kind: Kind) -> Layout {
        Layout { start_bit, bits, order, kind, factor: 1.0, offset: 0.0, range: None }
    }

    #[test]
    fn both_byte_orders_by_hand() {
        let data = [0x12, 0x34, 0x56, 0x78];
        assert_eq!(layout(0, 16, Order::Little, Kind::Unsigned).raw(&data), 0x3412);
        assert_eq!(layout(4, 12, Order::Little, Kind::Unsigned).raw(&data), 0x341);
        assert_eq!(layout(7, 16, Order::Big, Kind::Unsigned).raw(&data), 0x1234);
        assert_eq!(layout(3, 12, Order::Big, Kind::Unsigned).raw(&data), 0x234);
        assert_eq!(layout(7, 16, Order::Big, Kind::Signed).value(&[0xFF, 0xFE]), -2.0);
        assert_eq!(layout(7, 32, Order::Big, Kind::Float).value(&1.5_f32.to_be_bytes()), 1.5);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let angle = Layout {
            factor: 0.1,
            offset: -1638.4,
            range: Some((-500.0, 500.0)),
            ..layout(6, 15, Order::Big, Kind::Unsigned)
        };
        assert_eq!(angle.bits_of(0.0), Ok(16_384));
        assert_eq!(angle.bits_of(500.1), Err(OutOfRange { value: 500.1, low: -500.0, high: 500.0 }));
        assert!(angle.bits_of(f64::NAN).is_err() && angle.bits_of(f64::INFINITY).is_err());
        assert_eq!(layout(0, 8, Order::Little, Kind::Unsigned).bits_of(256.0).unwrap_err().high, 255.0);
        assert_eq!(angle.fault(2), None);
        assert_eq!(angle.fault(1), Some("bit 8 of a message with 1 bytes".to_owned()));
        assert!(layout(0, 16, Order::Little, Kind::Float).fault(8).is_some());
    }

    fn any_layout() -> impl Strategy<Value = Layout> {
        let kinds = prop_oneof![Just(Kind::Unsigned), Just(Kind::Signed)];
        (0..64_usize, 1..=48_usize, any::<bool>(), kinds, 0.001..100.0_f64, any::<bool>(), -1e4..1e4_f64).prop_map(
            |(start_bit, bits, big, kind, size, down, offset)| {
                let factor = if down { -size } else { size };
                let order = if big { Order::Big } else { Order::Little };
                Layout { factor, offset, ..layout(start_bit, bits, order, kind) }
            },
        )
    }

    proptest! {
        #[test]
        fn a_value_comes_back_within_half_a_step(signal in any_layout(), part in 0.0..1.0_f64, noise in prop::collection::vec(any::<u8>(), 16)) {
            prop_assume!(signal.fault(16).is_none());
            let (low, high) = signal.limits();
            let value = low + part * (high - low);
            let mut data = noise.clone();
            signal.put_raw(signal.bits_of(value).unwrap(), &mut data);
            let tolerance = 0.5 * signal.factor.abs() + 1e-9 * (value.abs() + signal.offset.abs());
            prop_assert!((signal.value(&data) - value).abs() <= tolerance, "{} {value}", signal.value(&data));
            // Other bits stay; the same bits give the same value.
            let mut back = data.clone();
            signal.put_raw(signal.raw(&noise), &mut back);
            prop_assert_eq!(back, noise);
        }

        #[test]
        fn bits_come_back(signal in any_layout(), raw in any::<u64>()) {
            prop_assume!(signal.fault(16).is_none());
            let raw = raw & (u64::MAX >> (64 - signal.bits));
            let mut data = [0; 16];
            signal.put_raw(raw, &mut data);
            prop_assert_eq!(signal.raw(&data), raw);
            prop_assert_eq!(signal.bits_of(signal.value(&data)), Ok(raw));
        }
    }
}
