// Checks what Taishi signs and proves with the Go project's own transparency log packages, none of which know Taishi:
// golang.org/x/mod/sumdb/note opens the checkpoints, …/tlog checks the proofs and reads the tiles over HTTP.
// Standard input: {"vkey","claims":[…]}; standard output: one line of JSON a claim, "" where it holds, else why not.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A claim of one of four kinds.
type claim struct {
	Kind string
	// checkpoint, consistency (the newer), tiles
	Checkpoint string
	// consistency
	Old   string
	Proof []string
	// inclusion: the text of a .tlog-proof
	File string
	// tiles: where the log is, the token of a reader, and a file in which to flip a bit, as if it had been served so
	Prefix, Token, Flip string
}

func main() {
	var input struct {
		Vkey   string
		Claims []claim
	}
	if err := json.NewDecoder(os.Stdin).Decode(&input); err != nil {
		panic(err)
	}
	verifier, err := note.NewVerifier(input.Vkey)
	if err != nil {
		panic(err)
	}
	for _, c := range input.Claims {
		said := ""
		if err := check(verifier, c); err != nil {
			said = err.Error()
		}
		line, _ := json.Marshal(said)
		fmt.Println(string(line))
	}
}

func check(verifier note.Verifier, c claim) error {
	switch c.Kind {
	case "checkpoint":
		_, err := open(verifier, c.Checkpoint)
		return err
	case "inclusion":
		return inclusion(verifier, c.File)
	case "consistency":
		return consistency(verifier, c)
	case "tiles":
		return tiles(verifier, c)
	}
	return fmt.Errorf("no claim is called %q", c.Kind)
}

// The size and root of a checkpoint that the log's key signed.
func open(verifier note.Verifier, text string) (tlog.Tree, error) {
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// C2SP tlog-proof@v1 with the entry in its extra line.
func inclusion(verifier note.Verifier, file string) error {
	head, checkpoint, found := strings.Cut(file, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof with an entry")
	}
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	proof, err := hashes(lines[3:])
	if err != nil {
		return err
	}
	tree, err := open(verifier, checkpoint)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func consistency(verifier note.Verifier, c claim) error {
	old, err := open(verifier, c.Old)
	if err != nil {
		return err
	}
	tree, err := open(verifier, c.Checkpoint)
	if err != nil {
		return err
	}
	proof, err := hashes(c.Proof)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

func hashes(lines []string) ([]tlog.Hash, error) {
	list := []tlog.Hash{}
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		list = append(list, hash)
	}
	return list, nil
}

// Every entry of the log, read as bundles, has the hash that the tiles have for it, and all of them make the signed root.
// The root is made from the entries too, because x/mod 0.7 does not authenticate every tile that it reads.
func tiles(verifier note.Verifier, c claim) error {
	tree, err := open(verifier, c.Checkpoint)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, &served{c})
	stored := []tlog.Hash{}
	made := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		list := []tlog.Hash{}
		for _, index := range indexes {
			list = append(list, stored[index])
		}
		return list, nil
	})
	for first := int64(0); first < tree.N; first += 256 {
		width := tree.N - first
		if width > 256 {
			width = 256
		}
		bundle, err := fetch(c, strings.Replace(path(tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)}), "/0/", "/entries/", 1))
		if err != nil {
			return err
		}
		indexes := []int64{}
		for i := int64(0); i < width; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+i))
		}
		leaves, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("the bundle of entry %d is cut", first+int64(i))
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != leaf {
				return fmt.Errorf("entry %d does not have the hash in its tile", first+int64(i))
			}
			more, err := tlog.StoredHashesForRecordHash(first+int64(i), leaf, made)
			if err != nil {
				return err
			}
			stored = append(stored, more...)
			bundle = bundle[end:]
		}
		if len(bundle) > 0 {
			return errors.New("a bundle has more entries than it should")
		}
	}
	root, err := tlog.TreeHash(tree.N, made)
	if err == nil && root != tree.Hash {
		err = errors.New("the entries do not make the signed root")
	}
	return err
}

type served struct{ c claim }

func (s *served) Height() int                     { return 8 }
func (s *served) SaveTiles([]tlog.Tile, [][]byte) {}
func (s *served) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	list := [][]byte{}
	for _, tile := range wanted {
		bytes, err := fetch(s.c, path(tile))
		if err != nil {
			return nil, err
		}
		list = append(list, bytes)
	}
	return list, nil
}

// C2SP's path of a tile: Go's without the height.
func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

func fetch(c claim, path string) ([]byte, error) {
	request, err := http.NewRequest("GET", c.Prefix+path, nil)
	if err != nil {
		return nil, err
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s: %s", path, answer.Status, bytes.TrimSpace(body))
	}
	if path == c.Flip {
		body[len(body)/2] ^= 1
	}
	return body, nil
}
