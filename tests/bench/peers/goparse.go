// goparse: a reader of records as one writes it in Go: blocks of lines, a
// decoder of encoding/json on each core, one goroutine for the figures.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

const blockSize = 1 << 20

// Blocks and records that were used come back through free and used.
func read(from io.Reader, free <-chan []byte, out chan<- []byte) error {
	defer close(out)
	var rest []byte
	for {
		b := (<-free)[:blockSize]
		n := copy(b, rest)
		got, err := io.ReadFull(from, b[n:])
		b = b[:n+got]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			if len(b) > 0 {
				out <- b
			}
			return nil
		}
		if err != nil {
			return err
		}
		cut := bytes.LastIndexByte(b, '\n') + 1
		rest = append(rest[:0], b[cut:]...)
		out <- b[:cut]
	}
}

func decode(in <-chan []byte, free chan<- []byte, used <-chan []Record, out chan<- []Record) error {
	for block := range in {
		b, records := block, (<-used)[:0]
		for len(b) > 0 {
			line := b
			if i := bytes.IndexByte(b, '\n'); i >= 0 {
				line, b = b[:i], b[i+1:]
			} else {
				b = nil
			}
			records = append(records, Record{})
			if err := json.Unmarshal(line, &records[len(records)-1]); err != nil {
				return fmt.Errorf("%w in %q", err, line)
			}
		}
		out <- records
		free <- block
	}
	return nil
}

func main() {
	debug.SetGCPercent(200)
	cores := runtime.GOMAXPROCS(0)
	depth := 2 * cores
	blocks, records := make(chan []byte, depth), make(chan []Record, depth)
	free, used := make(chan []byte, depth), make(chan []Record, depth)
	for i := 0; i < depth; i++ {
		free <- make([]byte, blockSize)
		used <- make([]Record, 0, blockSize/160)
	}
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "goparse:", err)
			os.Exit(65)
		}
	}
	go func() { fail(read(os.Stdin, free, blocks)) }()
	var work sync.WaitGroup
	for i := 0; i < cores; i++ {
		work.Add(1)
		go func() {
			defer work.Done()
			fail(decode(blocks, free, used, records))
		}()
	}
	go func() { work.Wait(); close(records) }()
	s := newState()
	for batch := range records {
		for i := range batch {
			if c, st, fresh := s.take(&batch[i]); fresh && st.what != nothing {
				c.steps = append(c.steps, st)
			}
		}
		used <- batch
	}
	for _, c := range s.chats {
		steps := c.steps
		sortSteps(steps)
		c.derive()
		c.count(1, func(*Person) {})
	}
	fail(s.print(os.Stdout))
}

// sortSteps: they are nearly in order.
func sortSteps(s []step) {
	for i := range s {
		for k := i; k > 0 && s[k-1].at > s[k].at; k-- {
			s[k-1], s[k] = s[k], s[k-1]
		}
	}
}
