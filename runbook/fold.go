package runbook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
)

// Fold is the state that a run's log adds up to. The book says how a watch is
// judged; it is the run's own copy.
func Fold(b *book.Book, dir string, entries []journal.Entry) (*Run, error) {
	return fold(b, dir, entries, journal.Signers{})
}

// fold is Fold, in which what a revoked key signed settles nothing.
func fold(b *book.Book, dir string, entries []journal.Entry, who journal.Signers) (*Run, error) {
	r := newRun(dir, who)
	for _, e := range entries {
		if err := r.apply(b, e); err != nil {
			return r, err
		}
	}
	return r, nil
}

func newRun(dir string, who journal.Signers) *Run {
	return &Run{Dir: dir, signers: who, Vars: map[string]string{}, Steps: map[string]*StepState{}, Asides: map[string]steps.Result{}, Phases: map[string]PhaseState{}}
}

// ErrUnknownKind says that a newer runbook wrote this log: this one may read
// it, and must not drive it.
type ErrUnknownKind struct {
	Kind string
	N    uint64
}

func (e *ErrUnknownKind) Error() string {
	return fmt.Sprintf("entry %d is of kind %q, which this version does not know: read it here, drive it with the version that wrote it", e.N, e.Kind)
}

// folds is one function a kind of entry.
var folds = map[string]func(r *Run, b *book.Book, e journal.Entry) error{
	kindSession:          foldSession,
	kindRunStart:         foldRunStart,
	kindPhaseOpen:        foldPhaseOpen,
	kindPhaseClose:       foldPhaseClose,
	kindCheck:            foldCheck,
	kindRunIntent:        foldRunIntent,
	kindRunResult:        foldRunResult,
	kindAsk:              foldAsk,
	kindTell:             foldTell,
	kindTellIntent:       foldTellIntent,
	kindTellResult:       foldTellResult,
	kindWatch:            foldWatch,
	kindSkip:             foldSkip,
	kindAccept:           foldAccept,
	kindByHand:           foldByHand,
	kindNote:             foldNote,
	kindVar:              foldVar,
	kindRollbackStart:    foldRollback,
	kindRunEnd:           foldRunEnd,
	journal.KindHandover: foldHandover,
	journal.KindAttest:   foldAttest,
	journal.KindAnchor:   foldAnchor,
	journal.KindDelegate: foldNothing,
	journal.KindClock:    foldNothing,
	journal.KindShredded: foldNothing,
}

func (r *Run) apply(b *book.Book, e journal.Entry) error {
	fold, ok := folds[e.Kind]
	if !ok {
		return &ErrUnknownKind{Kind: e.Kind, N: e.N}
	}
	r.Entries, r.Head = e.N, e.Head
	r.acted(e)
	if err := fold(r, b, e); err != nil {
		return fmt.Errorf("entry %d (%s) can't be read: %w", e.N, e.Kind, err)
	}
	return nil
}

func decode[T any](e journal.Entry) (T, error) {
	var body T
	err := json.Unmarshal(e.Body, &body)
	return body, err
}

// touch returns the state of a step after marking that e touched it.
func (r *Run) touch(id string, e journal.Entry, m mark) *StepState {
	st := r.Steps[id]
	if st == nil {
		st = &StepState{}
		r.Steps[id] = st
	}
	st.Seen, st.At = e.N, e.Time
	if _, answer := answered[e.Kind]; answer {
		st.Rehearsed = m.Rehearsed // what a machine adds to an answer does not make it a person's
	}
	return st
}

func foldNothing(*Run, *book.Book, journal.Entry) error { return nil }

func foldRunStart(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[runStartBody](e)
	r.Book, r.Target, r.Mode, r.World, r.Of = body.Book, body.Target, body.Mode, body.PracticeID, body.Of
	r.Ran = body.Ran
	r.Guard, r.Demands = body.Guard, body.Demands
	r.Started = e.Time
	for name, value := range body.Vars {
		r.Vars[name] = value
	}
	return err
}

func foldPhaseOpen(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[phaseBody](e)
	p := r.Phases[body.Phase]
	p.Opened = e.Time
	r.Phases[body.Phase] = p
	return err
}

// foldPhaseClose: a phase that was closed behind an approval of a revoked key is
// open still, since nothing may rest on that.
func foldPhaseClose(r *Run, b *book.Book, e journal.Entry) error {
	body, err := decode[phaseBody](e)
	if r.restsOnRevoked(b, body.Phase) {
		return err
	}
	p := r.Phases[body.Phase]
	p.Closed = e.Time
	r.Phases[body.Phase] = p
	return err
}

// StateOf is what a check's verdict makes of its step.
func StateOf(v steps.Verdict) State {
	switch v {
	case steps.Pass, steps.Warn:
		return Passed
	case steps.Fail:
		return Failed
	case steps.Unknown, steps.Blocked:
	}
	return Unknown
}

func foldCheck(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[checkBody](e)
	if body.Settles != "" {
		foldVerify(r.touch(body.Settles, e, body.mark), body, e)
		return err
	}
	if body.Aside {
		r.Asides[body.Step] = *body.result(e.Time)
		return err
	}
	st := r.touch(body.Step, e, body.mark)
	st.Attempt++
	st.Result = body.result(e.Time)
	st.State, st.Reason = body.state()
	st.Took = st.Result.Took
	return err
}

// foldVerify lets a check decide what became of a command: it is done, not
// done, partly done, or nobody knows yet.
func foldVerify(st *StepState, body checkBody, e journal.Entry) {
	st.Result, st.Verified, st.Partly, st.Reason = body.result(e.Time), true, false, ""
	switch settled := StateOf(body.Verdict); {
	case settled == Passed && st.Who != "":
		st.State = ByHand
	case settled == Failed:
		st.State, st.Reason = Failed, "not done: "+body.Reason
		if left, of := st.Result.Pending(), st.before[body.Where]; 0 < left && left < of {
			st.Partly, st.Reason = true, fmt.Sprintf("partly done: pending %d of %d: %s", left, of, body.Reason)
		}
	default:
		st.State = settled
	}
}

// pending is what checks saw last that was still to be done, by place.
func (r *Run) pending() map[string]int {
	left, at := map[string]int{}, map[string]time.Time{}
	for _, st := range r.Steps {
		if res := st.Result; res != nil && res.Pending() >= 0 && res.Began.After(at[res.Where]) {
			left[res.Where], at[res.Where] = res.Pending(), res.Began
		}
	}
	return left
}

func foldRunIntent(r *Run, b *book.Book, e journal.Entry) error {
	body, err := decode[runIntentBody](e)
	before := r.pending() // also what its own verify saw last
	st := r.touch(body.Step, e, body.mark)
	if body.Host != "" {
		st.startHost(r.due(b.Step(body.Step)), body, before, e.Time)
		st.judgeHosts(b.Step(body.Step))
		return err
	}
	st.Attempt, st.Exit, st.Ended, st.Result, st.Reason, st.Verified, st.Who = body.Attempt, nil, "", nil, "", false, ""
	st.order, st.verdictKey, st.Partly, st.before = body.Order, body.VerdictKey, false, before
	// Nobody has seen its end: unknown until its result is in the log.
	st.State, st.Reason = Unknown, "it was started, and its end was not seen"
	return err
}

func foldRunResult(r *Run, b *book.Book, e journal.Entry) error {
	body, err := decode[runResultBody](e)
	if known := r.Steps[body.Step]; known == nil || known.Attempt != body.Attempt {
		return err // of an attempt that a newer one has replaced
	}
	st := r.touch(body.Step, e, body.mark)
	if body.Host != "" {
		st.endHost(body, e.Time)
		st.judgeHosts(b.Step(body.Step))
		return err
	}
	st.Exit, st.Ended, st.Result = body.Exit, body.ended(), body.result(e.Time)
	if body.Began != "" { // a later session may have written it down
		st.Result.Began = unstamp(body.Began)
	}
	st.State, st.Reason, st.Took = StateOf(body.Verdict), body.Reason, st.Result.Took
	return err
}

func foldAsk(r *Run, b *book.Book, e journal.Entry) error {
	body, err := decode[askBody](e)
	st := r.touch(body.Step, e, body.mark)
	if st.Signed != nil {
		return err // only a signature moves what is signed
	}
	st.Answer, st.State, st.Reason, st.Reported = body.Answer, Confirmed, body.said(), body.Role != ""
	if body.Answer == answerDeclined || body.Answer == answerRejected {
		st.State = Declined
	}
	return err
}

func foldSkip(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[reasonBody](e)
	st := r.touch(body.Step, e, body.mark)
	st.State, st.Reason = Skipped, body.Reason
	if body.NA {
		st.State = NotApplicable
	}
	return err
}

func foldAccept(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[reasonBody](e)
	st := r.touch(body.Step, e, body.mark)
	st.State, st.Reason = Accepted, body.Reason
	return err
}

// foldByHand: who did it is said; whether it is done its verify decides next.
func foldByHand(r *Run, b *book.Book, e journal.Entry) error {
	body, err := decode[byHandBody](e)
	st := r.touch(body.Step, e, body.mark)
	st.State, st.Who, st.Reason = ByHand, body.Who, ""
	if s := b.Step(body.Step); s != nil && s.Verify != "" {
		st.State = Unknown
	}
	return err
}

func foldNote(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[noteBody](e)
	r.Notes = append(r.Notes, Note{At: e.Time, Step: body.Step, Text: body.Text})
	return err
}

func foldVar(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[varBody](e)
	r.Vars[body.Name] = body.Value
	return err
}

func foldRollback(r *Run, b *book.Book, e journal.Entry) error {
	body, err := decode[rollbackBody](e)
	r.Plan = body.Plan
	delete(r.Phases, body.Plan)
	for _, p := range b.Plans {
		if p.ID != body.Plan {
			continue
		}
		for _, s := range p.Steps { // a plan is walked from its start, also the second time
			if st := r.Steps[s.ID]; st != nil {
				*st = StepState{Seen: e.N, Attempt: st.Attempt}
			}
		}
	}
	return err
}

func foldRunEnd(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[runEndBody](e)
	r.Ended, r.Outcome = e.Time, body.Outcome
	return err
}

func foldWatch(r *Run, b *book.Book, e journal.Entry) error {
	body, err := decode[watchBody](e)
	if known := r.Steps[body.Step]; body.Slot > 0 && (known == nil || known.State != Running || body.Slot <= known.lastSlot()) {
		return err // measured after a person set the watch aside, or twice
	}
	st := r.touch(body.Step, e, body.mark)
	if body.Slot == 0 {
		st.Attempt++
		st.State, st.Began, st.Slots, st.Reason = Running, unstamp(body.Due), nil, ""
		return err
	}
	var w book.Watch
	if s := b.Step(body.Step); s != nil {
		w, _ = s.Verb.(book.Watch)
	}
	for k := body.Slot; k <= max(body.Slot, min(body.To, w.Slots())); k++ {
		st.Slots = append(st.Slots, Slot{K: k, Due: w.Due(st.Began, k), Verdict: body.Verdict, Gap: body.Gap, Reason: body.Reason})
	}
	if !body.Gap {
		st.Result = body.result(e.Time)
	}
	judge(st, w)
	return err
}

// minCoverage is the share of slots that must be measured for a watch to pass;
// below it the watch is unknown, which a person may accept.
const minCoverage = 0.8

// judge decides a watch once its last slot is written. Too many failures
// decide it at once.
func judge(st *StepState, w book.Watch) {
	failed, measured, last := 0, 0, 0
	for _, slot := range st.Slots {
		last = max(last, slot.K)
		switch {
		case slot.Gap || slot.Verdict == steps.Unknown || slot.Verdict == steps.Blocked:
		case slot.Verdict == steps.Fail:
			failed++
			measured++
		default:
			measured++
		}
	}
	n := w.Slots()
	switch {
	case failed > w.Failures:
		st.State, st.Reason = Failed, strconv.Itoa(failed)+" of "+strconv.Itoa(last)+" slots failed, limit "+strconv.Itoa(w.Failures)
	case last < n:
	case float64(measured) < minCoverage*float64(n):
		st.State, st.Reason = Unknown, strconv.Itoa(measured)+" of "+strconv.Itoa(n)+" slots were measured, 80 % wanted"
	default:
		st.State = Passed
	}
}

// NextSlot is when the earliest slot of any running watch is due, the zero
// time if none runs.
func (r *Run) NextSlot(b *book.Book) time.Time {
	var next time.Time
	p := r.Phase(b)
	if p == nil {
		return next
	}
	for _, s := range p.Steps {
		w, ok := s.Verb.(book.Watch)
		st := r.Step(s)
		if !ok || st.State != Running {
			continue
		}
		if due := w.Due(st.Began, st.lastSlot()+1); next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next
}

func (st *StepState) lastSlot() int {
	if len(st.Slots) == 0 {
		return 0
	}
	return st.Slots[len(st.Slots)-1].K
}
