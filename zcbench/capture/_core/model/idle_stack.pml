// OverflowStack (overflow.cpp): pop(), push(), and the making of another chunk.
//
// Checked: a header has one owner; none is lost; a header that was taken and pushed again while another thread was about
// to take it is not mistaken (ABA). `changes` and `top` are the halves of idle_: loaded and exchanged as one.
// The change count has 32 bits in the code: a thread would have to be stopped between its load and its exchange for
// exactly a multiple of 2^32 changes.
//
// run: -DTHREADS=3 -DLAPS=2 -DCHUNK=2 -DMAX_CHUNKS=2
// run: -DTHREADS=2 -DLAPS=4 -DCHUNK=3 -DMAX_CHUNKS=1
// run: -DTHREADS=3 -DLAPS=2 -DCHUNK=1 -DMAX_CHUNKS=2
// bug: NO_CHANGE_COUNT  assertion: lost
// bug: NO_LOCK          assertion: there twice (run 3)
// bug: PUSH_THE_FIRST   assertion: there twice
// bug: LINK_AFTER       assertion: lost

#define HEADERS (CHUNK * MAX_CHUNKS)

byte changes, top;            // idle_
byte next_overflow[HEADERS + 1];
byte chunk_count;
bool locked;                  // chunks_mutex_

byte owner[HEADERS + 1];      // 0: idle, or not made yet
byte done;

#ifdef NO_CHANGE_COUNT
#define SAME (top == seen_top)
#else
#define SAME (top == seen_top && changes == seen_changes)
#endif

// OverflowStack::push
inline push(header) {
  atomic { seen_changes = changes; seen_top = top };
  do
  ::
#ifndef LINK_AFTER
     next_overflow[header] = seen_top;
#endif
     atomic {
       won = SAME;
       if
       :: won -> changes++; top = header
       :: else -> seen_changes = changes; seen_top = top
       fi
     };
     if
     :: won ->
#ifdef LINK_AFTER
        next_overflow[header] = seen_top;
#endif
        break
     :: else
     fi
  od
}

// OverflowStack::pop; 0: no memory
inline pop(header) {
  header = 0;
  do
  :: atomic { seen_changes = changes; seen_top = top };
     do
     :: seen_top != 0 ->
        link = next_overflow[seen_top];
        atomic {
          won = SAME;
          if
          :: won -> header = seen_top; changes++; top = link
          :: else -> seen_changes = changes; seen_top = top
          fi
        };
        if
        :: won -> goto taken
        :: else
        fi
     :: else -> break
     od;
#ifndef NO_LOCK
     atomic { !locked -> locked = true };
#endif
     if
     :: top != 0 -> locked = false       // somebody returned or made some meanwhile: once more
     :: else ->
        count = chunk_count;
        if
        :: count == MAX_CHUNKS -> locked = false; goto taken
        :: else ->
           header = count * CHUNK + 1;
           chunk_count = count + 1;
#ifdef PUSH_THE_FIRST
           i = 0;
#else
           i = 1;
#endif
           do
           :: i < CHUNK -> push(header + i); i++
           :: else -> break
           od;
           locked = false;
           goto taken
        fi
     fi
  od;
taken: skip
}

proctype thread(byte me) {
  byte lap, seen_changes, seen_top, link, count, i, header;
  bool won;
again:
  if
  :: lap < LAPS ->
     lap++;
     pop(header);
     if
     :: header != 0 ->
        atomic { assert(owner[header] == 0); owner[header] = me };  // taken twice
        owner[header] = 0;
        push(header)
     :: else
     fi;
     atomic { seen_changes = 0; seen_top = 0; link = 0; count = 0; i = 0; header = 0; won = false };
     goto again
  :: else
  fi;
  done++
}

init {
  byte i, found;
  atomic { for (i : 1 .. THREADS) { run thread(i) } };
  done == THREADS;
  atomic {
    i = top;
    do
    :: i != 0 ->
       assert(owner[i] == 0);            // there twice
       owner[i] = 255;
       found++;
       i = next_overflow[i]
    :: else -> break
    od;
    assert(found == chunk_count * CHUNK) // lost
  }
}
