//! The connect flags (section 3.1.2.3): which fields a CONNECT has, and whether the flags agree
//! with each other.
//!
//! It looks at this one byte only; the fields are read in `connect.rs`.

use super::{QoS, Violation};

/// What the connect flags announce (section 3.1.2.3).
pub(super) struct ConnectFlags {
    pub(super) clean_session: bool,
    pub(super) will: Option<WillSettings>,
    pub(super) user_name: bool,
    pub(super) password: bool,
}

/// How the will is to be published (sections 3.1.2.6 and 3.1.2.7).
#[derive(Clone, Copy)]
pub(super) struct WillSettings {
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

impl ConnectFlags {
    pub(super) fn new(flags: u8) -> Result<Self, Violation> {
        let is_set = |bit: u8| flags & (1 << bit) != 0;
        if is_set(0) {
            return Err(Violation::ReservedConnectFlag { flags });
        }
        let (user_name, password) = (is_set(7), is_set(6));
        if password && !user_name {
            return Err(Violation::PasswordWithoutUserName { flags });
        }
        let will = WillSettings::new(is_set(2), (flags >> 3) & 0b11, is_set(5))?;
        let clean_session = is_set(1);
        Ok(Self { clean_session, will, user_name, password })
    }
}

impl WillSettings {
    fn new(will: bool, qos: u8, retain: bool) -> Result<Option<Self>, Violation> {
        match (will, qos, retain) {
            (false, 0, false) => Ok(None),
            (false, 0, true) => Err(Violation::WillRetainWithoutWill),
            (false, _, false) => Err(Violation::WillQosWithoutWill { qos }),
            (false, _, true) => Err(Violation::WillSettingsWithoutWill { qos }),
            (true, _, _) => {
                let qos = QoS::from_number(qos).ok_or(Violation::WillQos3)?;
                Ok(Some(Self { qos, retain }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_flags_that_contradict_each_other_are_refused() {
        let verdicts = [
            (0b0000_0001, Violation::ReservedConnectFlag { flags: 1 }, "MQTT-3.1.2-3"),
            (0b0000_0011, Violation::ReservedConnectFlag { flags: 3 }, "MQTT-3.1.2-3"),
            (0b0011_0010, Violation::WillSettingsWithoutWill { qos: 2 }, "MQTT-3.1.2-11"),
            (0b0001_1010, Violation::WillQosWithoutWill { qos: 3 }, "MQTT-3.1.2-13"),
            (0b0001_1110, Violation::WillQos3, "MQTT-3.1.2-14"),
            (0b0010_0010, Violation::WillRetainWithoutWill, "MQTT-3.1.2-15"),
            (0b0100_0010, Violation::PasswordWithoutUserName { flags: 0x42 }, "MQTT-3.1.2-22"),
        ];
        for (flags, expected, rule) in verdicts {
            let violation = ConnectFlags::new(flags).err().expect("a violation");
            assert_eq!(violation, expected);
            assert_eq!(violation.rule(), rule);
        }
    }
}
