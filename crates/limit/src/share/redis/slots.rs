//! Which server of a Cluster keeps what, by the rules of the Cluster specification.

use super::Address;
use redis::{FromRedisValue, ParsingError, Value, from_redis_value};

/// How many slots a Cluster has.
const SLOTS: u16 = 16384;

/// Which server keeps which slots.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slots(Vec<Range>);

#[derive(Debug, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
    master: Address,
}

// ===== impl Slots =====

impl Slots {
    /// Reads the answer of a server at `asked` to `CLUSTER SLOTS`.
    pub(super) fn read(answer: Value, asked: &Address) -> Result<Self, ParsingError> {
        let mut ranges = Vec::new();
        for range in Vec::<Vec<Value>>::from_redis_value(answer)? {
            let mut range = range.into_iter();
            let mut next = || range.next().unwrap_or(Value::Nil);
            let (first, last) = (from_redis_value(next())?, from_redis_value(next())?);
            let mut master = Vec::<Value>::from_redis_value(next())?.into_iter();
            let mut next = || master.next().unwrap_or(Value::Nil);
            // Without a name, or with `?` for one that is not known, it is where this one is.
            let host = Option::<String>::from_redis_value(next())?
                .filter(|host| !host.is_empty() && host != "?")
                .unwrap_or_else(|| asked.host.clone());
            let master = Address::new(host, from_redis_value(next())?);
            ranges.push(Range {
                first,
                last,
                master,
            });
        }
        ranges.sort_by_key(|range| range.first);
        Ok(Self(ranges))
    }

    /// Who keeps this slot.
    pub(super) fn master(&self, slot: u16) -> Option<&Address> {
        let after = self.0.partition_point(|range| range.first <= slot);
        let range = self.0.get(after.checked_sub(1)?)?;
        (slot <= range.last).then_some(&range.master)
    }

    pub(super) fn masters(&self) -> impl Iterator<Item = &Address> {
        self.0.iter().map(|range| &range.master)
    }
}

/// The slot of a hash tag.
pub(super) fn slot(tag: &[u8]) -> u16 {
    crc16(tag) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    const POLYNOMIAL: u16 = 0x1021;
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ POLYNOMIAL
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_the_slot_of_the_specification() {
        // The check value of the CRC, and two slots that `CLUSTER KEYSLOT` tells.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!((slot(b"foo"), slot(b"bar")), (12182, 5061));
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let master = Value::Array(vec![host, Value::Int(port)]);
        Value::Array(vec![Value::Int(first), Value::Int(last), master])
    }

    #[test]
    fn each_slot_has_the_master_that_the_cluster_says() {
        let name = |name: &str| Value::BulkString(name.into());
        let answer = Value::Array(vec![
            range(100, 199, name("b"), 2),
            range(0, 99, Value::Nil, 1),
            range(300, 300, name("?"), 3),
        ]);
        let asked = Address::new("asked", 7);
        let slots = Slots::read(answer, &asked).unwrap();
        let of = |slot| slots.master(slot).map(ToString::to_string);
        for (slot, master) in [
            (0, Some("asked:1")),
            (99, Some("asked:1")),
            (100, Some("b:2")),
            (199, Some("b:2")),
            (200, None),
            (299, None),
            (300, Some("asked:3")),
            (301, None),
        ] {
            assert_eq!(of(slot).as_deref(), master, "{slot}");
        }
        assert_eq!(slots.masters().count(), 3);
        assert!(Slots::read(Value::Int(1), &asked).is_err());
        assert_eq!(
            Slots::read(Value::Array(Vec::new()), &asked)
                .unwrap()
                .master(0),
            None
        );
    }
}
