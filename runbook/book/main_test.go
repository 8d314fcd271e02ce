package book_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

// looker is a kind of check for these tests alone.
type looker struct {
	URL     string         `mapstructure:"url"`
	Min     int            `mapstructure:"min"`
	Rate    float64        `mapstructure:"rate"`
	Timeout steps.Duration `mapstructure:"timeout"`
	Strict  bool           `mapstructure:"strict"`
	Argv    []string       `mapstructure:"argv"`
	Rules   []struct {
		Path string `mapstructure:"path"`
	} `mapstructure:"rules"`
	Headers map[string]string `mapstructure:"headers"`
	touches bool
}

func (l *looker) Do(context.Context, *steps.World) (r steps.Result) {
	r.Decide(steps.Unknown, "looks at nothing")
	return r
}

func (l *looker) Touches() bool { return l.touches }

func (l *looker) Validate() error {
	if l.Min < 0 {
		return errors.New("min is negative")
	}
	return nil
}

func TestMain(m *testing.M) {
	check.Kinds["look"] = func() check.Check { return &looker{} }
	check.Kinds["poke"] = func() check.Check { return &looker{touches: true} }
	os.Exit(m.Run())
}
