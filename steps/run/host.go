package run

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Host is [host.X] of a target: where the commands of steps with `on` run, over
// the ssh of this machine.
//
//	[host.app]
//	via = ["ssh", "-oBatchMode=yes", "app1"]
//	dir = "/srv/app"
type Host struct {
	Name string   `mapstructure:"-"`
	Via  []string `mapstructure:"via"`  // ssh, its options, and at last the place it connects to
	Dir  string   `mapstructure:"dir"`  // where commands run there, absolute
	Path string   `mapstructure:"path"` // PATH of commands there; the target's if empty
}

// valued are the options of ssh with a value, flags those without, as far as
// they fit a command that has no terminal, gets its script as input, and is
// waited for.
const (
	valued = "BbcEeFIiJlmopS"
	flags  = "46CKakqvxy"
)

// Validate says what is wrong with the fields as a target gives them: first the
// name of the field.
func (h Host) Validate() error {
	switch {
	case len(h.Via) == 0 || filepath.Base(h.Via[0]) != "ssh":
		return errors.New(`via begins with ssh, such as ["ssh", "-oBatchMode=yes", "app1"]`)
	case h.Dir == "":
		return errors.New("dir is missing: the directory there where commands run")
	case !filepath.IsAbs(h.Dir):
		return fmt.Errorf("dir must be absolute: %q", h.Dir)
	}
	if h.Path != "" {
		for one := range strings.SplitSeq(h.Path, ":") {
			if !filepath.IsAbs(one) {
				return fmt.Errorf("path: each element must be absolute, not %q", one)
			}
		}
	}
	if slices.ContainsFunc(slices.Concat(h.Via, []string{h.Dir, h.Path}), func(s string) bool { return strings.ContainsAny(s, "\x00\n") }) {
		return errors.New("via, dir and path hold no line break and no NUL")
	}
	_, err := h.place()
	return err
}

// place is the last word of via, once all before it are options.
func (h Host) place() (string, error) {
	words := h.Via[1:]
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		word := words[0][1:]
		words = words[1:]
		for word != "" {
			switch letter := word[:1]; {
			case strings.Contains(valued, letter) && word == letter && len(words) == 0:
				return "", fmt.Errorf("via: -%s wants a value, and then the place", letter)
			case strings.Contains(valued, letter) && word == letter:
				word, words = "", words[1:]
			case strings.Contains(valued, letter):
				word = ""
			case strings.Contains(flags, letter):
				word = word[1:]
			default:
				return "", fmt.Errorf("via: -%s does not fit: ssh here has no terminal, no agent to forward, reads a script, and is waited for", letter)
			}
		}
	}
	switch {
	case len(words) == 0 || words[0] == "":
		return "", errors.New("via names no place: its last word is where ssh connects to")
	case len(words) > 1:
		return "", fmt.Errorf("via ends with the place ssh connects to; %q after %s would be a command", words[1], words[0])
	}
	return words[0], nil
}

// always and unless are our options of ssh: those that no target can change,
// and those that via may name otherwise. The first that ssh reads of a kind is
// the one it takes. Together the latter end a connection that nobody answers
// on after a minute.
var (
	always = []string{"-T", "-oBatchMode=yes", "-oForwardAgent=no", "-oForwardX11=no", "-oClearAllForwardings=yes", "-oControlMaster=no", "-oPermitLocalCommand=no"}
	unless = []string{"-oConnectTimeout=15", "-oServerAliveInterval=15", "-oServerAliveCountMax=4"}
)

// shell is what ssh asks the host for: a shell with nothing in its environment
// but who it is. It holds no value, and every login shell reads it alike.
const shell = `exec /usr/bin/env -i HOME="$HOME" USER="$USER" /bin/sh -s`

// line is the argv of ssh.
func (h Host) line() []string {
	last := len(h.Via) - 1
	own := slices.DeleteFunc(slices.Clone(h.Via[1:last]), func(word string) bool { return slices.Contains(always, word) })
	return slices.Concat(h.Via[:1], always, own, unless, h.Via[last:], []string{shell})
}
