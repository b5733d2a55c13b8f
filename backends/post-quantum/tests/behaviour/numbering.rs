//! Numberings: the three that are known, the application's own, and those that are refused.

use pleach_crypto::{AeadId, CipherSuiteId, KdfId, KemId, SignatureScheme, SuiteAlgorithms};
use pleach_post_quantum::{NumberingError, PostQuantumNumbering as Numbering, PostQuantumSuite as Suite};

#[test]
fn a_number_and_its_suite_are_each_others() {
    for numbering in [Numbering::PLEACH, Numbering::OPENMLS, Numbering::MLSPP] {
        let numbered: Vec<_> =
            Suite::ALL.into_iter().filter_map(|suite| Some((suite, numbering.number(suite)?))).collect();
        for (suite, number) in &numbered {
            assert_eq!(numbering.suite(*number), Some(*suite));
        }
        // None of them would be refused.
        let same = Numbering::custom(numbering.name().to_owned(), numbered).unwrap();
        assert_eq!(same, numbering);
        assert_eq!(numbering.suite(CipherSuiteId(1)), None);
        assert_eq!(numbering.suite(CipherSuiteId(0)), None);
    }
    assert_eq!(Numbering::default(), Numbering::PLEACH);
}

#[test]
fn the_known_numbers_are_pinned() {
    let of =
        |numbering: &Numbering| Suite::ALL.map(|suite| numbering.number(suite).map_or(0, |number| number.0));
    assert_eq!(
        of(&Numbering::PLEACH),
        [0xF0A1, 0xF0A2, 0xF0A3, 0xF0A4, 0xF0A5, 0xF0A6, 0xF0A7, 0xF0A8, 0xF0A9, 0xF0AA, 0xF0AB]
    );
    assert_eq!(
        of(&Numbering::OPENMLS),
        [0x004F, 0x004E, 0, 0, 0, 0xF042, 0x0050, 0x0042, 0x0052, 0x0051, 0x0907]
    );
    assert_eq!(of(&Numbering::MLSPP), [0, 8, 0, 9, 10, 0, 0, 0, 0, 0, 0]);
}

/// The names say what the suites are made of.
#[test]
fn names_and_algorithms_agree() {
    for (suite, id) in Suite::ALL.into_iter().zip(1..) {
        assert_eq!(suite.draft_id(), id);
        let SuiteAlgorithms { kem, kdf, aead, signature } = suite.algorithms();
        let kem = match kem {
            KemId::MLKEM768_X25519 => "MLKEM768X25519",
            KemId::MLKEM768_P256 => "MLKEM768P256",
            KemId::MLKEM1024_P384 => "MLKEM1024P384",
            KemId::ML_KEM_768 => "MLKEM768",
            _ => "MLKEM1024",
        };
        let aead = match aead {
            AeadId::AES_128_GCM => "AES128GCM",
            AeadId::AES_256_GCM => "AES256GCM",
            _ => "CHACHA20POLY1305",
        };
        let hash = if kdf == KdfId::HKDF_SHA256 { "SHA256" } else { "SHA384" };
        let signature = match signature {
            SignatureScheme::ED25519 => "Ed25519",
            SignatureScheme::ECDSA_SECP256R1_SHA256 => "P256",
            SignatureScheme::ECDSA_SECP384R1_SHA384 => "P384",
            SignatureScheme::MLDSA44 => "MLDSA44",
            SignatureScheme::MLDSA65 => "MLDSA65",
            _ => "MLDSA87",
        };
        assert_eq!(suite.name()[8..], format!("{kem}_{aead}_{hash}_{signature}"));
        assert!(["MLS_128_", "MLS_192_", "MLS_256_"].contains(&&suite.name()[..8]));
    }
}

// breaks: R012
#[test]
fn a_contradictory_numbering_is_refused() {
    let [first, second, ..] = Suite::ALL;
    let [a, b] = [CipherSuiteId(0xF001), CipherSuiteId(0xF002)];
    let custom = |table: &[(Suite, CipherSuiteId)]| Numbering::custom("mine", table.iter().copied());
    assert_eq!(
        custom(&[(first, a), (second, a)]),
        Err(NumberingError::NumberTwice { number: a, first, second })
    );
    assert_eq!(
        custom(&[(first, a), (first, b)]),
        Err(NumberingError::SuiteTwice { suite: first, first: a, second: b })
    );
    for number in 0..=7 {
        let number = CipherSuiteId(number);
        assert_eq!(custom(&[(first, number)]), Err(NumberingError::Registered(number)));
    }
    for high in 0..=0xE {
        let number = CipherSuiteId(high * 0x1010 + 0x0A0A);
        assert_eq!(custom(&[(first, number)]), Err(NumberingError::Grease(number)));
    }
    let numbering = custom(&[(second, CipherSuiteId(0xFAFA)), (first, CipherSuiteId(8))]).unwrap();
    assert_eq!((numbering.name(), numbering.number(first)), ("mine", Some(CipherSuiteId(8))));
    assert_eq!(custom(&[]).unwrap().suite(CipherSuiteId(0)), None);
}
