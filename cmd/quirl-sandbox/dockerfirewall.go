//go:build linux && cgo

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Docker and other firewalls set the policy of the old table "filter", chain
// "FORWARD", to drop. A packet must pass every table, so our own accept does
// not help: the chain needs rules for our bridges. They may accept all, because
// our own table still decides. The rules are marked with the instance.

const commandTimeout = 10 * time.Second

// letThroughDocker adds the rules where such a chain exists.
func letThroughDocker(instance string, bridges []string) error {
	if err := forgetDocker(instance); err != nil {
		return err
	}
	return errors.Join(letThroughNftables(instance, bridges), letThroughLegacy(instance, bridges))
}

// forgetDocker removes the instance's rules.
func forgetDocker(instance string) error {
	return errors.Join(forgetNftables(instance), forgetLegacy(instance))
}

// mark is what iptables would store for a rule's comment, near enough: our own
// reader is the only one that needs it.
func mark(instance string) []byte { return []byte("quirl instance " + instance) }

// filterForward finds the chain that iptables-nft made, or nil.
func filterForward(c *nftables.Conn) (*nftables.Chain, error) {
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return nil, fmt.Errorf("list nftables chains: %w", err)
	}
	for _, chain := range chains {
		if chain.Table.Name == "filter" && chain.Name == "FORWARD" {
			return chain, nil
		}
	}
	return nil, nil
}

func letThroughNftables(instance string, bridges []string) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	chain, err := filterForward(c)
	if err != nil || chain == nil {
		return err
	}
	for _, name := range bridges {
		for _, key := range []expr.MetaKey{expr.MetaKeyIIFNAME, expr.MetaKeyOIFNAME} {
			c.InsertRule(&nftables.Rule{
				Table: chain.Table, Chain: chain, UserData: mark(instance),
				// The counter makes it look as iptables wants its rules to look.
				Exprs: append(matchName(key, name), &expr.Counter{}, &expr.Verdict{Kind: expr.VerdictAccept}),
			})
		}
	}
	return c.Flush()
}

func forgetNftables(instance string) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	chain, err := filterForward(c)
	if err != nil || chain == nil {
		return err
	}
	rules, err := c.GetRules(chain.Table, chain)
	if err != nil {
		return fmt.Errorf("list rules of %s: %w", chain.Name, err)
	}
	for _, r := range rules {
		if bytes.Equal(r.UserData, mark(instance)) {
			if err := c.DelRule(r); err != nil {
				return err
			}
		}
	}
	if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// legacyTables says whether the kernel has the old iptables table in use.
func legacyTables() bool {
	names, err := os.ReadFile("/proc/net/ip_tables_names")
	return err == nil && strings.Contains(string(names), "filter")
}

// legacyCommand is the iptables that sees the old table.
func legacyCommand() (string, error) {
	for _, name := range []string{"iptables-legacy", "iptables"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("the kernel filters by legacy iptables and no iptables program is installed")
}

func letThroughLegacy(instance string, bridges []string) error {
	if !legacyTables() {
		return nil
	}
	command, err := legacyCommand()
	if err != nil {
		return err
	}
	for _, name := range bridges {
		for _, direction := range []string{"-i", "-o"} {
			if err := runCommand(command, "-w", "-I", "FORWARD", direction, name, "-m", "comment", "--comment", string(mark(instance)), "-j", "ACCEPT"); err != nil {
				return err
			}
		}
	}
	return nil
}

func forgetLegacy(instance string) error {
	if !legacyTables() {
		return nil
	}
	command, err := legacyCommand()
	if err != nil {
		return nil // then none of the rules are ours either
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	rules, err := exec.CommandContext(ctx, command, "-w", "-S", "FORWARD").Output()
	if err != nil {
		return fmt.Errorf("list iptables rules: %w", err)
	}
	for rule := range strings.Lines(string(rules)) {
		if !strings.Contains(rule, `"`+string(mark(instance))+`"`) {
			continue
		}
		rule = strings.ReplaceAll(strings.TrimSpace(rule), `"`+string(mark(instance))+`"`, "\x00")
		args := append([]string{"-w"}, strings.Fields(strings.Replace(rule, "-A ", "-D ", 1))...)
		for i, a := range args {
			args[i] = strings.ReplaceAll(a, "\x00", string(mark(instance)))
		}
		if err := runCommand(command, args...); err != nil {
			return err
		}
	}
	return nil
}

func runCommand(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
