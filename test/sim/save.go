package main

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// save writes the trace to a folder, in the format that is read.
func (t *trace) save(folder string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for day := range t.Days {
		suffix := fmt.Sprintf("%02d.csv.gz", day+1)
		for name, rows := range map[string][][]string{callsFile: t.callRows(day), timesFile: t.timeRows(day), memoryFile: t.memoryRows()} {
			if err := writeRows(filepath.Join(folder, name+suffix), rows); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeRows(file string, rows [][]string) (err error) {
	f, err := os.Create(file) //nolint:gosec // the user names the folder
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := csv.NewWriter(z).WriteAll(rows); err != nil {
		return err
	}
	return z.Close()
}

// callRows has the functions that were called on the day.
func (t *trace) callRows(day int) [][]string {
	head := []string{"HashOwner", "HashApp", "HashFunction", "Trigger"}
	for m := range dayMinutes {
		head = append(head, strconv.Itoa(m+1))
	}
	rows := [][]string{head}
	for _, f := range t.Functions {
		row := append(make([]string, 0, len(head)), f.Owner, f.App, f.Name, f.Trigger)
		for range dayMinutes {
			row = append(row, "0")
		}
		called := false
		for _, m := range f.Calls {
			if m.at/dayMinutes == day {
				row[4+m.at%dayMinutes], called = strconv.Itoa(m.calls), true
			}
		}
		if called {
			rows = append(rows, row)
		}
	}
	return rows
}

// timeRows has the execution times of the functions that were called on the day.
func (t *trace) timeRows(day int) [][]string {
	head := []string{"HashOwner", "HashApp", "HashFunction", "Average", "Count", "Minimum", "Maximum"}
	for _, p := range percentiles {
		head = append(head, "percentile_Average_"+strconv.Itoa(p))
	}
	rows := [][]string{head}
	for _, f := range t.Functions {
		count := 0
		for _, m := range f.Calls {
			if m.at/dayMinutes == day {
				count += m.calls
			}
		}
		if count == 0 {
			continue
		}
		median, last := f.Lasts[len(f.Lasts)/2], f.Lasts[len(f.Lasts)-1]
		row := []string{f.Owner, f.App, f.Name, millis(median), strconv.Itoa(count), millis(f.Lasts[0]), millis(last)}
		for _, d := range f.Lasts {
			row = append(row, millis(d))
		}
		rows = append(rows, row)
	}
	return rows
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// memoryRows has the memory of each app; all of its percentiles are the average.
func (t *trace) memoryRows() [][]string {
	head := []string{"HashOwner", "HashApp", "SampleCount", "AverageAllocatedMb"}
	for _, p := range []int{1, 5, 25, 50, 75, 95, 99, 100} {
		head = append(head, "AverageAllocatedMb_pct"+strconv.Itoa(p))
	}
	rows := [][]string{head}
	last := ""
	for _, f := range t.Functions {
		if f.App == last {
			continue
		}
		last = f.App
		mb := strconv.FormatFloat(f.Memory, 'f', 0, 64)
		row := []string{f.Owner, f.App, "1440"}
		for len(row) < len(head) {
			row = append(row, mb)
		}
		rows = append(rows, row)
	}
	return rows
}
