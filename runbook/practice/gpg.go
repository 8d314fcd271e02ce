package practice

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/crypto/openpgp"        //nolint:staticcheck // frozen, and all that writes what gpg reads
	"golang.org/x/crypto/openpgp/packet" //nolint:staticcheck // as above
)

// gpgTool is gpg with a passphrase from a file: --symmetric, --decrypt and
// --list-packets. There are no keys here.
func gpgTool(_ context.Context, sh shell, args []string) (int, error) {
	flags := pflag.NewFlagSet("gpg", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	encrypt := flags.BoolP("symmetric", "c", false, "")
	decrypt := flags.BoolP("decrypt", "d", false, "")
	list := flags.Bool("list-packets", false, "")
	output := flags.StringP("output", "o", "", "")
	passphrase := flags.String("passphrase-file", "", "")
	yes := flags.Bool("yes", false, "")
	flags.Bool("batch", false, "")
	flags.Bool("quiet", false, "")
	flags.String("pinentry-mode", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 || !*list && (*passphrase == "" || *output == "" || *encrypt == *decrypt) {
		return notSimulated, errNotSimulated
	}
	in, err := os.Open(sh.path(flags.Arg(0)))
	if err != nil {
		sh.warn("gpg: can't open '%s': No such file or directory\n", flags.Arg(0))
		return 2, nil
	}
	defer in.Close() //nolint:errcheck // only read
	if *list {
		return listPackets(sh, in)
	}
	secret, err := os.ReadFile(sh.path(*passphrase))
	if err != nil {
		sh.warn("gpg: can't open '%s': No such file or directory\n", *passphrase)
		return 2, nil
	}
	mode := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if !*yes {
		mode |= os.O_EXCL
	}
	out, err := os.OpenFile(sh.path(*output), mode, 0o600)
	if err != nil {
		sh.warn("gpg: can't create '%s': %v\n", *output, err)
		return 2, nil
	}
	key := []byte(strings.TrimRight(string(secret), "\n"))
	if *encrypt {
		err = seal(out, in, key)
	} else {
		err = unseal(out, in, key)
	}
	if err := errors.Join(err, out.Close()); err != nil {
		sh.warn("gpg: %s failed: %v\n", map[bool]string{true: "symmetric encryption", false: "decryption"}[*encrypt], err)
		return 2, nil
	}
	return 0, nil
}

// path is a file as the tool's caller means it.
func (sh shell) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(sh.dir, name)
}

// seal encrypts with a passphrase, as `gpg --symmetric` does.
func seal(out io.Writer, in io.Reader, passphrase []byte) error {
	plain, err := openpgp.SymmetricallyEncrypt(out, passphrase, &openpgp.FileHints{IsBinary: true}, &packet.Config{DefaultCipher: packet.CipherAES256})
	if err != nil {
		return err
	}
	_, err = io.Copy(plain, in)
	return errors.Join(err, plain.Close())
}

func unseal(out io.Writer, in io.Reader, passphrase []byte) error {
	tried := false
	message, err := openpgp.ReadMessage(in, nil, func([]openpgp.Key, bool) ([]byte, error) {
		if tried {
			return nil, errors.New("Bad session key") //nolint:staticcheck // gpg's own words
		}
		tried = true
		return passphrase, nil
	}, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, message.UnverifiedBody) // #nosec G110 -- the world's own archive
	return err
}

// listPackets names the packets that can be told without a key.
func listPackets(sh shell, in io.Reader) (int, error) {
	packets := packet.NewReader(in)
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		if err != nil {
			sh.warn("gpg: no valid OpenPGP data found.\n")
			return 2, nil
		}
		switch p := p.(type) {
		case *packet.SymmetricKeyEncrypted:
			sh.say(":symkey enc packet: version 4, cipher %d, s2k 3, hash 8\n", p.CipherFunc)
		case *packet.SymmetricallyEncrypted:
			sh.say(":encrypted data packet:\n\tmdc_method: 2\n")
			return 0, nil // what is inside needs the key
		}
	}
}
