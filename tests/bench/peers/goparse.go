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

func read(from io.Reader, out chan<- []byte) error {
	defer close(out)
	var rest []byte
	for {
		b := make([]byte, blockSize)
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
		rest = b[cut:]
		out <- b[:cut]
	}
}

func decode(in <-chan []byte, out chan<- []Record) error {
	for b := range in {
		records := make([]Record, 0, blockSize/128)
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
	}
	return nil
}

func main() {
	debug.SetGCPercent(200)
	cores := runtime.GOMAXPROCS(0)
	blocks, records := make(chan []byte, cores), make(chan []Record, cores)
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "goparse:", err)
			os.Exit(65)
		}
	}
	go func() { fail(read(os.Stdin, blocks)) }()
	var work sync.WaitGroup
	for i := 0; i < cores; i++ {
		work.Add(1)
		go func() {
			defer work.Done()
			fail(decode(blocks, records))
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
