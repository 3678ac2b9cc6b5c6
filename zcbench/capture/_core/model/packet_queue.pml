// The packet queue: PacketRing (rings.hpp), and what Capture does around it: publish(), try_read(), drained(), end(),
// discard_queue().
//
// Checked: packets arrive in order, each as it was written; every packet is either delivered or counted as a drop; the
// first packet after a drop carries the gap flag, no other does; the reader never takes the stream for drained while a
// packet is in it; `queued` never goes below 0.
//
// run: -DCAPACITY=2 -DPACKETS=6
// run: -DCAPACITY=1 -DPACKETS=6
// run: -DCAPACITY=4 -DPACKETS=9
// bug: TAIL_BEFORE_CELL   assertion: not what was queued there
// bug: HEAD_BEFORE_CELL   assertion: not what was queued there
// bug: ONE_TOO_MANY       assertion: not what was queued there
// bug: EMPTY_BEFORE_ENDED assertion: neither delivered nor dropped
// bug: END_BEFORE_LAST    assertion: neither delivered nor dropped
// bug: COUNT_AFTER_PUSH   assertion: queued below 0
// bug: GAP_FORGOTTEN      assertion: gap flag wrong

#define MASK (CAPACITY - 1)   // CAPACITY is a power of two

byte cell[CAPACITY];          // a slot, known by its packet's sequence number + 1
bool gap_flag[PACKETS];       // Slot::flags & kGap, written before the slot is queued
byte head, tail;
bool ended, gap;
short queued;

// What the code does not have, for the checks only.
byte queued_as[PACKETS];      // the packet queued under each ticket
byte drops, delivered;
bool reader_over;

active proctype producer() {
  byte sequence, at, seen_head;
  do
  :: sequence < PACKETS ->
#ifdef END_BEFORE_LAST
     if
     :: sequence == PACKETS - 1 -> ended = true
     :: else
     fi;
#endif
     // Capture::publish
     gap_flag[sequence] = gap;
#ifndef COUNT_AFTER_PUSH
     queued++;
#endif
     at = tail;               // PacketRing::has_room
     if
     :: at - seen_head > MASK -> seen_head = head
     :: else
     fi;
     if
#ifdef ONE_TOO_MANY
     :: at - seen_head > MASK + 1 ->
#else
     :: at - seen_head > MASK ->
#endif
        queued--;
        drops++;              // Capture::abandon
#ifndef GAP_FORGOTTEN
        gap = true
#endif
     :: else ->               // PacketRing::push
#ifdef TAIL_BEFORE_CELL
        atomic { tail = at + 1; queued_as[at] = sequence + 1 };
        cell[at & MASK] = sequence + 1;
#else
        cell[at & MASK] = sequence + 1;
        atomic { tail = at + 1; queued_as[at] = sequence + 1 };
#endif
#ifdef COUNT_AFTER_PUSH
        queued++;
#endif
        gap = false
     fi;
     sequence++
  :: else -> break
  od;
  ended = true                // Capture::end
}

inline take() {               // PacketRing::pop, Capture::try_read
#ifdef HEAD_BEFORE_CELL
  head = at + 1;
  packet = cell[at & MASK];
#else
  packet = cell[at & MASK];
  head = at + 1;
#endif
  d_step {
    queued--;
    assert(queued >= 0);                                     // queued below 0
    assert(packet == queued_as[at]);                         // not what was queued there
    assert(packet > last);                                   // out of order
    assert(gap_flag[packet - 1] == (packet != last + 1));    // gap flag wrong
    last = packet;
    delivered++
  }
}

active proctype reader() {
  byte at, packet, last, seen_tail, tail_now;
  bool over;
  do
  :: at = head;
     if
     :: at == seen_tail -> seen_tail = tail
     :: else
     fi;
     if
     :: at != seen_tail -> take()
     :: else ->
        // Capture::drained: ended, then empty. (What it does when not drained, event_count.pml shows.)
#ifdef EMPTY_BEFORE_ENDED
        tail_now = tail;
        over = ended && tail_now == at;
#else
        over = ended;
        if
        :: over -> tail_now = tail; over = (tail_now == at)
        :: else
        fi;
#endif
        if
        :: over -> break
        :: else
        fi
     fi;
     d_step { at = 0; packet = 0; tail_now = 0; over = false }
  od;
  reader_over = true
}

active proctype all() {
  reader_over;
  assert(delivered + drops == PACKETS);                      // neither delivered nor dropped
  assert(queued == 0)
}
