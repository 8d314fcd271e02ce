package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// watchHead is the end of watch.jsonl: the number of its last line, its hash,
// and what a crash left behind it.
type watchHead struct {
	n    uint64
	head string
	torn tear
}

// anchorOf is the name of watch.jsonl in an anchor.
const anchorOf = "watch"

// anchorBody is the body of an anchor entry.
type anchorBody struct {
	Head string `json:"head"`
	N    uint64 `json:"n"`
	Of   string `json:"of"`
	tear
}

// anchor takes e, whose place and line are right. Anchors of anything but
// watch.jsonl are somebody else's, and so is one that says it under OF: to a
// stranger with jq that is another key.
func (c *chain) anchor(e *Entry) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(e.Body, &all); err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	if string(all["of"]) != `"`+anchorOf+`"` { // the one form of that string
		return nil
	}
	body, err := decodeBody[anchorBody](e)
	switch {
	case err != nil:
		return err
	case body.N == 0 || !isHash(body.Head):
		return errors.New("anchor: of no line")
	case body.N < c.anchored.n || body.N == c.anchored.n && body.Head != c.anchored.head:
		return fmt.Errorf("anchor: watch.jsonl had %d lines before", c.anchored.n)
	case c.ended && body.N != c.anchored.n:
		return errors.New("anchor: slots behind the end of the run")
	}
	c.anchored = watchHead{body.N, body.Head, body.tear}
	c.anchors = append(c.anchors, c.anchored)
	return nil
}

// AnchorWatch commits the log to watch.jsonl as it is. It is called before what
// closes something: a phase, a sign-off, the run. written is false if there is
// nothing new to commit to, if the run has ended, or if lines are gone to which the log is committed:
// no reader takes less than before, and Verify tells the loss. Errors: as Append.
func (l *Log) AnchorWatch(ctx context.Context) (e Entry, written bool, err error) {
	l.mu.Lock()
	head, done, ended := l.watch, l.anchored, l.ended // ours alone: no timer writes while we drive
	l.mu.Unlock()
	if ended || head.n == 0 || head == done || head.n < done.n || head.n == done.n && head.head != done.head {
		return Entry{}, false, nil
	}
	e, err = l.append(ctx, KindAnchor, anchorBody{Of: anchorOf, N: head.n, Head: head.head, tear: head.torn})
	if err != nil {
		return Entry{}, false, err
	}
	l.mu.Lock()
	l.anchored = head
	l.mu.Unlock()
	return e, true, nil
}
