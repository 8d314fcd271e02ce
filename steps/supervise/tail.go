package supervise

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Tail reads the last max bytes of a file of output, and returns the offset
// behind them, from which Since reads on.
func Tail(path string, max int64) (data []byte, next int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read output: %w", err)
	}
	from := info.Size() - max
	if from < 0 {
		from = 0
	}
	return Since(path, from, max)
}

// Since reads at most max bytes of a file of output from an offset on, and
// returns the offset behind them.
func Since(path string, offset, max int64) (data []byte, next int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, offset, fmt.Errorf("read output: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.NewSectionReader(f, offset, max))
	if err != nil {
		return nil, offset, fmt.Errorf("read output: %w", err)
	}
	return data, offset + int64(len(data)), nil
}
