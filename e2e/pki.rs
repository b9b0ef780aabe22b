//! PROOF: the keys and certificates of a test cluster: one authority, short-lived, never used for anything else.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

/// How long certificates are valid: longer than any test cluster is kept.
const VALID: Duration = Duration::days(365);

/// A certificate authority whose files lie in one folder.
pub struct Pki {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    authority: String,
}

impl Pki {
    /// Makes a new authority and the key pair that signs service account tokens.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let key = KeyPair::generate()?;
        let mut params = params("kfp-operator test cluster", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let authority = params.self_signed(&key)?.pem();
        write(&folder.join("ca.crt"), &authority)?;
        write(&folder.join("ca.key"), &key.serialize_pem())?;
        let tokens = KeyPair::generate()?;
        write(&folder.join("sa.key"), &tokens.serialize_pem())?;
        write(&folder.join("sa.pub"), &tokens.public_key_pem())?;
        Ok(Self {
            folder: folder.to_owned(),
            issuer: Issuer::new(params, key),
            authority,
        })
    }

    /// The path of a file, such as `apiserver.crt` or `sa.key`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes `NAME.crt` and `NAME.key` for a server that is reached under these names and addresses.
    pub fn server(&self, name: &str, dns: &[&str], addresses: &[IpAddr]) -> Result<()> {
        let mut params = params(name, None);
        for dns in dns {
            params
                .subject_alt_names
                .push(SanType::DnsName((*dns).try_into()?));
        }
        params
            .subject_alt_names
            .extend(addresses.iter().map(|address| SanType::IpAddress(*address)));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(name, params)
    }

    /// Makes `NAME.crt` and `NAME.key` for a client: Kubernetes takes the common name as user, the organisation as group.
    pub fn client(&self, name: &str, user: &str, group: Option<&str>) -> Result<()> {
        let mut params = params(user, group);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(name, params)
    }

    fn issue(&self, name: &str, mut params: CertificateParams) -> Result<()> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .with_context(|| format!("cannot sign {name}"))?;
        write(&self.file(&format!("{name}.crt")), &certificate.pem())?;
        write(&self.file(&format!("{name}.key")), &key.serialize_pem())
    }

    /// A kubeconfig for the client of that name, with everything inside it.
    pub fn kubeconfig(&self, name: &str, server: &str) -> Result<String> {
        let encode =
            |file: String| -> Result<String> { Ok(BASE64_STANDARD.encode(fs::read(self.file(&file))?)) };
        Ok(serde_json::to_string_pretty(&serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "kfp-operator", "cluster": {
                "server": server,
                "certificate-authority-data": BASE64_STANDARD.encode(&self.authority),
            }}],
            "users": [{"name": name, "user": {
                "client-certificate-data": encode(format!("{name}.crt"))?,
                "client-key-data": encode(format!("{name}.key"))?,
            }}],
            "contexts": [{"name": "kfp-operator", "context": {"cluster": "kfp-operator", "user": name}}],
            "current-context": "kfp-operator",
        }))?)
    }

    /// Writes a kubeconfig into a file that only its owner reads, and returns the file.
    pub fn write_kubeconfig(&self, name: &str, server: &str, file: PathBuf) -> Result<PathBuf> {
        write(&file, &self.kubeconfig(name, server)?)?;
        Ok(file)
    }
}

fn params(common_name: &str, organisation: Option<&str>) -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    if let Some(organisation) = organisation {
        name.push(DnType::OrganizationName, organisation);
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    let now = OffsetDateTime::now_utc();
    // A little earlier, for clocks that are read coarsely.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + VALID;
    params
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_carries_its_certificates_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::create(folder.path()).unwrap();
        pki.client("admin", "admin", Some("system:masters")).unwrap();
        let file = pki
            .write_kubeconfig(
                "admin",
                "https://127.0.0.1:6443",
                folder.path().join("kubeconfig"),
            )
            .unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("client-key-data") && text.contains("https://127.0.0.1:6443"));
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
