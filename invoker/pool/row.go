package pool

// A row holds cells in an order. A cell enters and leaves at the cost of a few
// pointers, wherever in the row it is.
type row struct {
	first, last *place
	len         int
}

// A place is where a cell is in a row, if it is in one.
type place struct {
	cell       *cell
	row        *row
	prev, next *place
}

// push puts the cell of at to the end, wherever it was before.
func (r *row) push(at *place) {
	if r.last == at {
		return
	}
	at.leave()
	at.row, at.prev = r, r.last
	if r.last != nil {
		r.last.next = at
	} else {
		r.first = at
	}
	r.last = at
	r.len++
}

// leave takes the cell out of the row, if it is in one.
func (at *place) leave() {
	r := at.row
	if r == nil {
		return
	}
	if at.prev != nil {
		at.prev.next = at.next
	} else {
		r.first = at.next
	}
	if at.next != nil {
		at.next.prev = at.prev
	} else {
		r.last = at.prev
	}
	r.len--
	at.row, at.prev, at.next = nil, nil, nil
}
