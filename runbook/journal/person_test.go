package journal

import "testing"

// TestArmorBeginsAtOnce: what ssh-keygen refuses we do.
func TestArmorBeginsAtOnce(t *testing.T) {
	t.Parallel()
	id, err := KeyFile(keygen(t, "ed25519", ""))
	if err != nil {
		t.Fatal(err)
	}
	armored, err := id.Sign(SessionNamespace(Real), []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checkSigned(armored, SessionNamespace(Real), "text"); err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{"-----BEGIN junk-----\n", "-----BEGIN SSH SIGNATURE-----\n", "\n", "-----BEGIN SSH SIGNATURE-----\r"} {
		if _, err := checkSigned(before+armored, SessionNamespace(Real), "text"); err == nil {
			t.Errorf("%q before it is taken", before)
		}
	}
}
