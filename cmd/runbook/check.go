package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
	"runbook/tui/plain"
)

// checkExit is the exit table of check and watch --once.
var checkExit = map[steps.Verdict]int{steps.Pass: 0, steps.Warn: 1, steps.Fail: 2, steps.Unknown: 3, steps.Blocked: 3}

const checkUsage = 3

func newCheck() *cobra.Command {
	var target string
	var vars []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check BOOK [STEP…] -t TARGET",
		Short: "look only: change nothing, start no run",
		Long:  "Runs the checks of a book, or the named ones.\nExit codes: 0 pass, 1 warn, 2 fail, 3 unknown, blocked or usage.",
		Args:  func(cmd *cobra.Command, args []string) error { return asCheckUsage(atLeastOne(cmd, args)) },
		RunE: func(cmd *cobra.Command, args []string) error {
			err := survey(cmd.Context(), args[0], args[1:], target, vars, asJSON)
			var told *toldError
			if err != nil && !errors.As(err, &told) {
				return &codeError{checkUsage, err}
			}
			return err
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return asCheckUsage(err) })
	cmd.Flags().StringVarP(&target, "target", "t", "", "where")
	cmd.Flags().StringArrayVar(&vars, "var", nil, "`NAME=VALUE` of the book")
	cmd.Flags().BoolVar(&asJSON, "json", false, "JSON on stdout and nothing else")
	return cmd
}

// asCheckUsage gives a mistake on the command line the code of this table.
func asCheckUsage(err error) error {
	if err == nil {
		return nil
	}
	return &codeError{checkUsage, err}
}

func survey(ctx context.Context, name string, ids []string, target string, vars []string, asJSON bool) error {
	h, err := home()
	if err != nil {
		return err
	}
	if target == "" {
		return &usageError{errors.New("name the target: -t TARGET")}
	}
	p, err := findPlace(ctx, h, name, target, vars)
	if err != nil {
		return err
	}
	wanted, left, err := checksOf(p, ids)
	if err != nil {
		return err
	}
	seen := runbook.Survey(ctx, p.book, p.vars, p.world, wanted)
	if asJSON {
		err = surveyJSON(p, seen, left)
	} else {
		printSurvey(p, seen, left)
	}
	if err != nil {
		return err
	}
	if code := checkExit[runbook.Verdict(seen)]; code != 0 {
		return &toldError{code}
	}
	return nil
}

// checksOf are the named checks, or every check of the book's phases that
// applies. Those of a choice not made (--var makes it) are left out, by name.
func checksOf(p *place, ids []string) (wanted []*book.Step, left []string, err error) {
	if len(ids) == 0 {
		for _, s := range p.book.All() {
			if _, ok := s.Verb.(book.Check); !ok || s.Plan != "" {
				continue
			}
			if runbook.Applies(s, p.vars) {
				wanted = append(wanted, s)
			} else {
				left = append(left, s.ID)
			}
		}
		return wanted, left, nil
	}
	for _, id := range ids {
		s := p.book.Step(id)
		if s == nil {
			return nil, nil, &usageError{fmt.Errorf("book %s has no step %q; `runbook show %s` lists them", p.book.Name, id, p.book.Name)}
		}
		if _, ok := s.Verb.(book.Check); !ok {
			return nil, nil, &usageError{fmt.Errorf("%s is no check: `runbook check` only looks", id)}
		}
		wanted = append(wanted, s)
	}
	return wanted, nil, nil
}

type checkJSON struct {
	ID       string           `json:"id"`
	Title    string           `json:"title"`
	Phase    string           `json:"phase,omitempty"`
	Behind   string           `json:"behind,omitempty"` // the step of its phase after which it is to hold
	Kind     string           `json:"kind"`
	Critical bool             `json:"critical"`
	Covers   []string         `json:"covers"`
	Verdict  steps.Verdict    `json:"verdict"`
	Reason   string           `json:"reason,omitempty"`
	Where    string           `json:"where,omitempty"`
	Evidence []steps.Evidence `json:"evidence"`
	Began    time.Time        `json:"began"`
	TookMS   float64          `json:"took_ms"`
}

func surveyJSON(p *place, seen []runbook.Surveyed, left []string) error {
	out := struct {
		Book    string        `json:"book"`
		Target  string        `json:"target"`
		Verdict steps.Verdict `json:"verdict"`
		Checks  []checkJSON   `json:"checks"`
		Left    []string      `json:"left_out"` // their `when` does not hold
	}{Left: append([]string{}, left...), Book: p.book.Name, Target: p.target.Name, Verdict: runbook.Verdict(seen), Checks: []checkJSON{}}
	for _, s := range seen {
		kind := ""
		if c, ok := s.Step.Verb.(book.Check); ok {
			kind = c.Kind
		}
		one := checkJSON{
			ID: s.Step.ID, Title: s.Step.Title, Phase: s.Step.Phase, Behind: behind(p, s), Kind: kind, Critical: s.Step.Critical,
			Covers: append([]string{}, s.Step.Covers...), Verdict: s.Result.Verdict, Reason: s.Result.Reason, Where: s.Result.Where,
			Evidence: append([]steps.Evidence{}, s.Result.Evidence...), Began: s.Result.Began.UTC(),
			TookMS: float64(s.Result.Took.Microseconds()) / 1000,
		}
		out.Checks = append(out.Checks, one)
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}

func printSurvey(p *place, seen []runbook.Surveyed, left []string) {
	for _, s := range seen {
		fmt.Println(surveyLine(s))
		if change := behind(p, s); change != "" && s.Result.Verdict != steps.Pass {
			fmt.Printf("    stands behind %s in the book: before that has run here, it need not hold\n", change)
		}
	}
	if len(left) > 0 {
		fmt.Println("- left out, their `when` does not hold: " + strings.Join(left, " "))
	}
	fmt.Println(counted(seen))
}

// behind is the id of the step that a check stands behind; empty without one.
func behind(p *place, s runbook.Surveyed) string {
	if change := runbook.Behind(p.book, s.Step, p.vars); change != nil {
		return change.ID
	}
	return ""
}

func surveyLine(s runbook.Surveyed) string {
	return plain.Aside(s.Step.ID, s.Result)
}

// counted is the verdict, how many checks had which, and those that did not
// pass, the worst first.
func counted(seen []runbook.Surveyed) string {
	line, wrong := runbook.Verdict(seen).String()+":", ""
	for _, v := range []steps.Verdict{steps.Fail, steps.Blocked, steps.Unknown, steps.Warn, steps.Pass} {
		n := 0
		for _, s := range seen {
			if s.Result.Verdict != v {
				continue
			}
			n++
			if v != steps.Pass {
				wrong += " " + s.Step.ID
			}
		}
		if n > 0 {
			line += fmt.Sprintf(" %d %s,", n, v)
		}
	}
	line = strings.TrimSuffix(line, ",")
	if wrong == "" {
		return line
	}
	return line + ";" + wrong
}
