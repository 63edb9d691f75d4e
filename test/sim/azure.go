package main

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The files of the Azure Functions trace of 2019, one of each sort per day; here
// they may be compressed.
// https://github.com/Azure/AzurePublicDataset/blob/master/AzureFunctionsDataset2019.md
const (
	callsFile  = "invocations_per_function_md.anon.d"
	timesFile  = "function_durations_percentiles.anon.d"
	memoryFile = "app_memory_percentiles.anon.d"
)

var dayOf = regexp.MustCompile(`\.d(\d\d)\.csv(\.gz)?$`)

// A reader puts a trace together from its files.
type reader struct {
	folder    fs.FS
	trace     trace
	functions map[[3]string]*function
	memory    map[[2]string]float64
}

// readTrace reads all days in a folder. The first day that is there is the
// trace's first one.
func readTrace(folder fs.FS) (*trace, error) {
	r := &reader{folder: folder, functions: make(map[[3]string]*function), memory: make(map[[2]string]float64)}
	names, err := fs.Glob(folder, callsFile+"*")
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !dayOf.MatchString(name) })
	if len(names) == 0 {
		return nil, fmt.Errorf("the folder has no %sNN.csv", callsFile)
	}
	slices.Sort(names)
	first := dayNumber(names[0])
	for _, name := range names {
		day := dayNumber(name) - first
		r.trace.Days = day + 1
		if err := r.day(name, day); err != nil {
			return nil, err
		}
	}
	return r.finish()
}

func dayNumber(name string) int {
	n, _ := strconv.Atoi(dayOf.FindStringSubmatch(name)[1]) // two digits
	return n
}

// day reads the files of one day. Only that of the calls must be there.
func (r *reader) day(name string, day int) error {
	suffix := strings.TrimPrefix(name, callsFile)
	if err := r.rows(name, func(row map[string]string) error { return r.calls(row, day) }); err != nil {
		return err
	}
	for file, use := range map[string]func(map[string]string) error{timesFile: r.times, memoryFile: r.memories} {
		if err := r.rows(file+suffix, use); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// rows calls use with each row of a file, by the names of its columns.
func (r *reader) rows(name string, use func(row map[string]string) error) error {
	f, err := r.folder.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var in io.Reader = bufio.NewReader(f)
	if path.Ext(name) == ".gz" {
		if in, err = gzip.NewReader(in); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	records := csv.NewReader(in)
	head, err := records.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	row := make(map[string]string, len(head))
	for {
		fields, err := records.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for i, column := range head {
			row[column] = fields[i]
		}
		if err := use(row); err != nil {
			line, _ := records.FieldPos(0)
			return fmt.Errorf("%s:%d: %w", name, line, err)
		}
	}
}

func (r *reader) calls(row map[string]string, day int) error {
	key := [3]string{row["HashOwner"], row["HashApp"], row["HashFunction"]}
	if slices.Contains(key[:], "") {
		return errors.New("no HashOwner, HashApp or HashFunction")
	}
	f := r.functions[key]
	if f == nil {
		f = &function{Owner: key[0], App: key[1], Name: key[2], Trigger: row["Trigger"]}
		r.functions[key] = f
		r.trace.Functions = append(r.trace.Functions, f)
	}
	for m := range dayMinutes {
		text := row[strconv.Itoa(m+1)]
		if text == "0" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return fmt.Errorf("calls of minute %d: %q", m+1, text)
		}
		f.Calls = append(f.Calls, minute{day*dayMinutes + m, n})
	}
	return nil
}

// times notes the execution times of a function, those of the last day that tells them.
func (r *reader) times(row map[string]string) error {
	f := r.functions[[3]string{row["HashOwner"], row["HashApp"], row["HashFunction"]}]
	if f == nil {
		return nil
	}
	for i, p := range percentiles {
		column := "percentile_Average_" + strconv.Itoa(p)
		ms, err := strconv.ParseFloat(row[column], 64)
		if err != nil {
			return fmt.Errorf("%s: %q", column, row[column])
		}
		f.Lasts[i] = max(time.Millisecond, time.Duration(ms*float64(time.Millisecond)))
	}
	return nil
}

// memories notes the memory of an app, that of the last day that tells it.
func (r *reader) memories(row map[string]string) error {
	mb, err := strconv.ParseFloat(row["AverageAllocatedMb"], 64)
	if err != nil || mb < 0 {
		return fmt.Errorf("AverageAllocatedMb: %q", row["AverageAllocatedMb"])
	}
	r.memory[[2]string{row["HashOwner"], row["HashApp"]}] = mb
	return nil
}

// finish fills in what the files do not tell.
func (r *reader) finish() (*trace, error) {
	for _, f := range r.trace.Functions {
		if f.Memory = r.memory[[2]string{f.Owner, f.App}]; f.Memory == 0 {
			f.Memory = unknownMemory
		}
		if f.Lasts[len(f.Lasts)-1] == 0 {
			for i := range f.Lasts {
				f.Lasts[i] = unknownTime
			}
		}
	}
	slices.SortFunc(r.trace.Functions, func(a, b *function) int {
		return cmp.Or(strings.Compare(a.Owner, b.Owner), strings.Compare(a.App, b.App), strings.Compare(a.Name, b.Name))
	})
	if r.trace.calls() == 0 {
		return nil, errors.New("the trace has no calls")
	}
	return &r.trace, nil
}
