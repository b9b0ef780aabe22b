//! EYES AND HANDS: serving certificates for webhooks inside the cluster. Time is an argument; no I/O.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use time::{Duration, OffsetDateTime};
use x509_parser::pem::parse_x509_pem;

use crate::error::Error;

/// Life of a certificate.
pub const LIFETIME: Duration = Duration::days(365);
/// A certificate starts this much before it is made, for clocks that are behind.
const CLOCK_SKEW: Duration = Duration::hours(1);

/// A self-signed serving certificate with its key, both PEM. Clients trust the certificate itself.
pub struct Serving {
    /// The certificate.
    pub certificate: String,
    /// The private key (PKCS #8).
    pub key: String,
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Serving { … }")
    }
}

/// A new serving certificate for these DNS names, valid from about `now` on for [`LIFETIME`].
pub fn serving(names: &[String], now: OffsetDateTime) -> Result<Serving, Error> {
    make(names, now).map_err(|error| Error::Generate {
        what: format!("a serving certificate for {}", names.join(", ")),
        why: error.to_string(),
    })
}

fn make(names: &[String], now: OffsetDateTime) -> Result<Serving, rcgen::Error> {
    let mut parameters = CertificateParams::new(names.to_vec())?;
    parameters.not_before = now - CLOCK_SKEW;
    parameters.not_after = now + LIFETIME;
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // X.520 limits a common name to 64 characters; the names that count are the alternative ones.
    let common_name: String = names
        .first()
        .map_or("", String::as_str)
        .chars()
        .take(64)
        .collect();
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    Ok(Serving {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// Why a stored certificate must be made anew, or `None` while it serves.
///
/// It must when it cannot be read, does not name every wanted DNS name, or less than a third of its life is left.
#[must_use]
pub fn renewal_due(certificate: &[u8], names: &[String], now: OffsetDateTime) -> Option<String> {
    let Ok((_, pem)) = parse_x509_pem(certificate) else {
        return Some("it is no PEM certificate".into());
    };
    let Ok(parsed) = pem.parse_x509() else {
        return Some("it is no X.509 certificate".into());
    };
    let covered: Vec<String> = match parsed.subject_alternative_name() {
        Ok(Some(extension)) => extension
            .value
            .general_names
            .iter()
            .map(ToString::to_string)
            .collect(),
        _ => Vec::new(),
    };
    if let Some(missing) = names
        .iter()
        .find(|name| !covered.contains(&format!("DNSName({name})")))
    {
        return Some(format!("it does not name {missing}"));
    }
    let validity = parsed.validity();
    let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let left = until - now.unix_timestamp();
    (left * 3 < until - from).then(|| format!("{} days of its life are left", left.max(0) / 86_400))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn at(days: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap() + Duration::days(days)
    }

    fn names() -> Vec<String> {
        vec![
            "cache-server.team-a.svc".into(),
            "cache-server.team-a.svc.cluster.local".into(),
        ]
    }

    #[rstest]
    #[case::fresh(0, false)]
    #[case::at_half_its_life(180, false)]
    #[case::with_a_third_left(243, false)]
    #[case::with_less_than_a_third_left(244, true)]
    #[case::expired(400, true)]
    fn a_certificate_is_renewed_in_the_last_third_of_its_life(#[case] day: i64, #[case] due: bool) {
        let serving = serving(&names(), at(0)).unwrap();
        assert_eq!(
            renewal_due(serving.certificate.as_bytes(), &names(), at(day)).is_some(),
            due
        );
    }

    #[test]
    fn a_certificate_for_another_namespace_is_renewed() {
        let serving = serving(&names(), at(0)).unwrap();
        let wanted = vec!["cache-server.team-b.svc".to_owned()];
        let why = renewal_due(serving.certificate.as_bytes(), &wanted, at(1));
        assert_eq!(why.as_deref(), Some("it does not name cache-server.team-b.svc"));
    }

    #[test]
    fn what_is_no_certificate_is_renewed() {
        assert!(renewal_due(b"nonsense", &names(), at(0)).is_some());
    }

    #[test]
    fn a_certificate_signs_itself_and_can_sign_no_other() {
        let serving = serving(&names(), at(0)).unwrap();
        let (_, pem) = parse_x509_pem(serving.certificate.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        assert_eq!(certificate.issuer(), certificate.subject());
        assert!(!certificate.is_ca());
        assert!(!format!("{serving:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_very_long_name_still_makes_a_certificate() {
        let long = format!("{}.{}.svc", "cache-server", "n".repeat(63));
        assert!(serving(&[long], at(0)).is_ok());
    }
}
