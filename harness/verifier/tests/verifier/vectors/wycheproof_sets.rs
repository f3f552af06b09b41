//! The sets of Wycheproof that fit the algorithms, and sets that differ from them in one
//! parameter: what is valid there must be refused here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwtbench_verifier::algorithm::Algorithm::{
    self, ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512,
};
use wycheproof::{
    EllipticCurve, HashFunction, TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify,
};

use crate::vectors::{ACCEPTED, Case, Group, REFUSED, Tally, Verdict, check};

#[test]
fn rsa_pkcs1() {
    use rsa_pkcs1_verify::TestName::*;
    let rows = [
        (Rsa2048Sha256, RS256, [7, 250, 2]),
        (Rsa2048Sha384, RS384, [7, 251, 0]),
        (Rsa2048Sha512, RS512, [7, 251, 1]),
        (Rsa3072Sha256, RS256, [7, 251, 1]),
        (Rsa3072Sha384, RS384, [7, 252, 0]),
        (Rsa3072Sha512, RS512, [7, 252, 1]),
        (Rsa4096Sha256, RS256, [7, 251, 0]),
        (Rsa4096Sha384, RS384, [7, 252, 0]),
        (Rsa4096Sha512, RS512, [7, 252, 0]),
        (Rsa8192Sha256, RS256, [7, 251, 0]),
        (Rsa8192Sha384, RS384, [7, 252, 0]),
        (Rsa8192Sha512, RS512, [7, 252, 0]),
    ];
    for (name, algorithm, counts) in rows {
        check(&format!("{name:?}"), &pkcs1(name, algorithm), tally(counts));
    }
}

#[test]
fn rsa_pss() {
    use rsa_pss_verify::TestName::*;
    let rows = [
        (RsaPss2048Sha256Mgf1SaltLen32, PS256, [63, 45, 0]),
        (RsaPss3072Sha256Mgf1SaltLen32, PS256, [63, 45, 0]),
        (RsaPss4096Sha256Mgf1SaltLen32, PS256, [63, 45, 0]),
        (RsaPss2048Sha384Mgf1SaltLen48, PS384, [95, 46, 0]),
        (RsaPss4096Sha384Mgf1SaltLen48, PS384, [95, 46, 0]),
        (RsaPss4096Sha512Mgf1SaltLen64, PS512, [132, 47, 0]),
    ];
    for (name, algorithm, counts) in rows {
        check(&format!("{name:?}"), &pss(name, |_| algorithm), tally(counts));
    }
}

/// Hash, hash of MGF1 and length of the salt in every combination, most of them wrong for JOSE.
#[test]
fn rsa_pss_parameters() {
    use rsa_pss_verify::TestName::RsaPssmisc;
    let set = rsa_pss_verify::TestSet::load(RsaPssmisc).expect("the set");
    let mut groups = pss(RsaPssmisc, |hash| match hash {
        HashFunction::Sha2_384 => PS384,
        HashFunction::Sha2_512 => PS512,
        _ => PS256,
    });
    for (group, theirs) in groups.iter_mut().zip(&set.test_groups) {
        let salt = match theirs.hash {
            HashFunction::Sha2_256 => Some(32),
            HashFunction::Sha2_384 => Some(48),
            HashFunction::Sha2_512 => Some(64),
            _ => None,
        };
        let fits = theirs.mgf_hash == Some(theirs.hash) && salt == Some(theirs.salt_size);
        if !fits {
            refuse_valid(&mut group.cases);
        }
    }
    check("RsaPssmisc", &groups, tally([3, 147, 0]));
}

#[test]
fn ecdsa_p1363() {
    use ecdsa::TestName::*;
    let rows = [
        (EcdsaSecp256r1Sha256P1363, ES256, [173, 89, 0]),
        (EcdsaSecp384r1Sha384P1363, ES384, [193, 87, 0]),
    ];
    for (name, algorithm, counts) in rows {
        check(&format!("{name:?}"), &ec(name, algorithm), tally(counts));
    }
}

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the set");
    let groups = set.test_groups.iter().map(|group| {
        let x = b64(&group.key.pk);
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"{EdDSA}","x":"{x}"}}"#);
        let tests = group.tests.iter();
        let cases = tests.map(|test| case(test.tc_id, &test.msg, &test.sig, due(test.result)));
        Group { jwk, cases: cases.collect() }
    });
    check("Ed25519", &groups.collect::<Vec<Group>>(), tally([88, 63, 0]));
}

/// What is valid under other parameters, another hash or another encoding is refused.
#[test]
fn neighbours_are_refused() {
    use ecdsa::TestName as Ec;
    use rsa_pkcs1_verify::TestName as Pkcs1;
    use rsa_pss_verify::TestName as Pss;
    let rows = [
        (pkcs1(Pkcs1::Rsa2048Sha224, RS256), 7, "SHA-224"),
        (pkcs1(Pkcs1::Rsa2048Sha3_256, RS256), 7, "SHA3-256"),
        (pkcs1(Pkcs1::Rsa2048Sha512_256, RS256), 7, "SHA-512/256"),
        (pkcs1(Pkcs1::Rsa2048Sha384, RS512), 7, "SHA-384 for SHA-512"),
        (pkcs1(Pkcs1::Rsa3072Sha384, PS384), 7, "PKCS #1 for PSS"),
        (pss(Pss::RsaPss2048Sha256Mgf1SaltLen0, |_| PS256), 61, "no salt"),
        (pss(Pss::RsaPss2048Sha256Mgf1Sha1_20, |_| PS256), 63, "MGF1 with SHA-1"),
        (pss(Pss::RsaPss4096Sha512Mgf1SaltLen32, |_| PS512), 132, "a salt too short"),
        (pss(Pss::RsaPss2048Shake128, |_| PS256), 69, "SHAKE128"),
        (pss(Pss::RsaPss2048Sha384Mgf1SaltLen48, |_| RS384), 95, "PSS for PKCS #1"),
        (ec(Ec::EcdsaSecp256r1Sha256, ES256), 174, "DER"),
        (ec(Ec::EcdsaSecp384r1Sha384, ES384), 194, "DER"),
        (ec(Ec::EcdsaSecp256r1Sha512P1363, ES256), 242, "P-256 with SHA-512"),
        (ec(Ec::EcdsaSecp384r1Sha512P1363, ES384), 230, "P-384 with SHA-512"),
    ];
    for (mut groups, count, why) in rows {
        for group in &mut groups {
            group.cases.retain(|case| case.due == ACCEPTED);
            refuse_valid(&mut group.cases);
        }
        check(why, &groups, tally([0, count, 0]));
    }
}

fn pkcs1(name: rsa_pkcs1_verify::TestName, algorithm: Algorithm) -> Vec<Group> {
    use rsa_pkcs1_verify::TestFlag::MissingNull;
    let set = rsa_pkcs1_verify::TestSet::load(name).expect("the set");
    let groups = set.test_groups.iter().map(|group| {
        let tests = group.tests.iter().map(|test| {
            let is_lenient = test.result == TestResult::Acceptable;
            assert!(!is_lenient || test.flags.contains(&MissingNull), "{name:?}: {}", test.tc_id);
            case(test.tc_id, &test.msg, &test.sig, due(test.result))
        });
        let cases = tests.collect();
        Group { jwk: rsa_jwk(algorithm, &group.key.n, &group.key.e), cases }
    });
    groups.collect()
}

fn pss(
    name: rsa_pss_verify::TestName,
    algorithm: impl Fn(HashFunction) -> Algorithm,
) -> Vec<Group> {
    let set = rsa_pss_verify::TestSet::load(name).expect("the set");
    let groups = set.test_groups.iter().map(|group| {
        let tests = group.tests.iter();
        let cases = tests.map(|test| case(test.tc_id, &test.msg, &test.sig, due(test.result)));
        let cases = cases.collect();
        Group { jwk: rsa_jwk(algorithm(group.hash), &group.key.n, &group.key.e), cases }
    });
    groups.collect()
}

fn ec(name: ecdsa::TestName, algorithm: Algorithm) -> Vec<Group> {
    let set = ecdsa::TestSet::load(name).expect("the set");
    let groups = set.test_groups.iter().map(|group| {
        let crv = match group.key.curve {
            EllipticCurve::Secp256r1 => "P-256",
            EllipticCurve::Secp384r1 => "P-384",
            other => panic!("{other:?}"),
        };
        let (x, y) = group.key.key[1..].split_at(group.key.key.len() / 2);
        let (x, y) = (b64(x), b64(y));
        let members = format!(r#""crv":"{crv}","x":"{x}","y":"{y}""#);
        let tests = group.tests.iter();
        let cases = tests.map(|test| case(test.tc_id, &test.msg, &test.sig, due(test.result)));
        let cases = cases.collect();
        Group { jwk: format!(r#"{{"kty":"EC","alg":"{algorithm}",{members}}}"#), cases }
    });
    groups.collect()
}

fn rsa_jwk(algorithm: Algorithm, n: &[u8], e: &[u8]) -> String {
    let (n, e) = (b64(n), b64(e));
    format!(r#"{{"kty":"RSA","alg":"{algorithm}","n":"{n}","e":"{e}"}}"#)
}

fn case(id: usize, message: &[u8], signature: &[u8], due: Verdict) -> Case {
    Case { id, message: message.to_vec(), signature: signature.to_vec(), due }
}

/// What is only acceptable is a DigestInfo without its NULL: refused, since RFC 8017 §8.2.2
/// compares whole encodings.
fn due(result: TestResult) -> Verdict {
    match result {
        TestResult::Valid => ACCEPTED,
        TestResult::Acceptable | TestResult::Invalid => REFUSED,
    }
}

fn refuse_valid(cases: &mut [Case]) {
    for case in cases {
        case.due = REFUSED;
    }
}

fn tally([accepted, refused, weak]: [usize; 3]) -> Tally {
    Tally { accepted, refused, weak }
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
