package bundle_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runbook/journal"
)

// slots writes slots of a watch, as a timer does.
func (o *office) slots(step string, n int) {
	o.t.Helper()
	w, err := journal.OpenWatch(o.dir, journal.Options{})
	must(o.t, err)
	for k := range n {
		_, err = w.Append(context.Background(), journal.KindSlot, map[string]any{"step": step, "slot": k, "text": "ü"})
		must(o.t, err)
	}
	must(o.t, w.Close())
}

// delegate lets a timer measure, and leaves the run to it.
func (o *office) delegate(watches ...string) {
	o.t.Helper()
	signed, err := o.log.SignDelegation(time.Now().Add(time.Hour), watches)
	must(o.t, err)
	_, err = o.log.Delegate(context.Background(), signed)
	must(o.t, err)
	must(o.t, o.log.Close())
}

func TestScriptAgreesOnSlots(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := open(t)
	delete(o.start, "signoffs")
	o.add("run.start", o.start)
	o.delegate("alive", "counted")
	o.slots("alive", 2)
	o.agree("delegated by whom nobody lets", 4, box)
	put(t, o.signers, o.dev.signs("session@runbook-log", "watch@runbook-log"))
	o.agree("slots so far", 3, box)
	path := filepath.Join(o.dir, "watch.jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`{"v":1,"run":"half a li`)
	must(t, errors.Join(err, f.Close()))
	o.agree("torn", 3, box)
	o.slots("counted", 1) // says what a crash left
	o.agree("gone on behind it", 3, box)
	o.reopen(o.dev)
	_, _, err = o.log.AnchorWatch(context.Background())
	must(t, err)
	o.delegate("alive")
	o.slots("alive", 1)
	o.reopen(o.dev)
	_, _, err = o.log.AnchorWatch(context.Background())
	must(t, err)
	o.add("run.end", nil)
	o.agree("ended", 0, box)
	data, err := os.ReadFile(path)
	must(t, err)
	whole := string(data)
	for name, text := range map[string]string{
		"a word":      strings.Replace(whole, "ü", "u", 1),
		"one less":    strings.TrimSuffix(whole, whole[strings.LastIndex(whole[:len(whole)-1], "\n")+1:]),
		"none":        "",
		"one more":    whole + whole[strings.LastIndex(whole[:len(whole)-1], "\n")+1:],
		"another end": strings.Replace(whole, "half a li", "half a la", 1),
	} {
		put(t, path, text)
		o.agree(name, 1, box)
	}
	must(t, os.Remove(path))
	o.agree("gone", 1, box)
}
