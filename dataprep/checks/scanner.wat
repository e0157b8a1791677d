;; Tells which lines of a block are certainly clean chats and new, so that a check may pass over them.
;;
;; Such a line is {"messages": [{"role": "...", "content": "..."}, ...]} with its keys in this order, with or without
;; blanks where these stand: perhaps a system message, then user and assistant in turns, the assistant last. Each text is
;; UTF-8, has something in it, only escapes of one letter, and no edge that a text without words may have.
;;
;; Places are addresses in the memory, and 0 is no place: what reads from a place returns the place behind what it
;; has read, or 0 if that is not there; from 0 it reads nothing, so that reads can be nested.
(module
  ;; Every so many lines one is of the sample, which is handed on.
  (global $stride (export "stride") (mut i64) (i64.const 1))
  ;; How many bytes a line may have to be passed over.
  (global $longest (export "longest") (mut i32) (i32.const 0))
  ;; Up to which number lines are remembered.
  (global $remembered (export "remembered") (mut i64) (i64.const 0))
  ;; How many characters a text may have that only stands for a medium.
  (global $max_note (export "max_note") (mut i32) (i32.const 0))

  ;; The memory is made as large as the blocks need. It holds, in this order: words of up to 15 bytes, each with zeros
  ;; up to the next one;
  (memory (export "memory") 81)
  (data (i32.const 0x010) "{\"messages\":")
  (data (i32.const 0x020) "[")
  (data (i32.const 0x030) "{")
  (data (i32.const 0x040) "\"role\":")
  (data (i32.const 0x050) "\"system\"")
  (data (i32.const 0x060) "\"user\"")
  (data (i32.const 0x070) "\"assistant\"")
  (data (i32.const 0x080) ",")
  (data (i32.const 0x090) "\"content\":")
  (data (i32.const 0x0a0) "\"")
  (data (i32.const 0x0b0) "\"}")
  (data (i32.const 0x0c0) "]}\n")
  (global $MESSAGES i32 (i32.const 0x010))
  (global $BRACKET i32 (i32.const 0x020))
  (global $BRACE i32 (i32.const 0x030))
  (global $ROLE i32 (i32.const 0x040))
  (global $SYSTEM i32 (i32.const 0x050))
  (global $USER i32 (i32.const 0x060))
  (global $ASSISTANT i32 (i32.const 0x070))
  (global $COMMA i32 (i32.const 0x080))
  (global $CONTENT i32 (i32.const 0x090))
  (global $QUOTE i32 (i32.const 0x0a0))
  (global $CLOSE i32 (i32.const 0x0b0))
  (global $END i32 (i32.const 0x0c0))
  ;; a byte for each one that may stand behind a backslash, 2 where the two are a blank;
  (data (i32.const 0x122) "\01")
  (data (i32.const 0x12f) "\01")
  (data (i32.const 0x15c) "\01")
  (data (i32.const 0x162) "\01\00\00\00\02\00\00\00\00\00\00\00\02\00\00\00\02\00\02") ;; b, f, n, r, t
  (global $escapes i32 (i32.const 0x100))
  (global $BLANK i32 (i32.const 2))
  ;; a byte for each pair of ASCII characters, first * 128 + second, 1 if a note may end in it;
  (global $pairs (export "pairs") i32 (i32.const 0x1_0000))
  ;; a byte for each character up to U+FFFF, a sum of these;
  (global $classes (export "classes") i32 (i32.const 0x2_0000))
  (global $UNSEEN i32 (i32.const 1)) ;; there is nothing to see of it,
  (global $OPENS_NOTE i32 (i32.const 2)) ;; a note that stands for a medium may begin with it,
  (global $ENDS_NOTE i32 (i32.const 4)) ;; or end with it;
  ;; the lines to hand on, 24 bytes each: start and end (i32), number (i64), and what is known of it (i64);
  (global $found (export "found") i32 (i32.const 0x3_0000))
  (global $FOUND_SIZE i32 (i32.const 24))
  (global $MOST_FOUND i32 (i32.const 2048))
  ;; the lines remembered, 2^18 slots of 16 bytes: a hash that is not 0, and a mark (offset in the file << 20 | number);
  (global $slots i32 (i32.const 0x10_0000))
  (global $SLOT_MASK i32 (i32.const 0x3f_fff0))
  (global $NUMBER_BITS i64 (i64.const 20))
  (global $MOST_TRIES i32 (i32.const 16))
  ;; and the block, with room for what is read behind it.
  (global $block (export "block") i32 (i32.const 0x50_0000))

  ;; What is known of a line: it is clean and may be the same as one whose mark this is; or one of these.
  (global $DOUBTFUL i64 (i64.const 0))
  (global $PASSABLE i64 (i64.const -1))

  ;; Find the lines to hand on from a place up to the end of the block, where a line ends, or as many as there is room
  ;; for; with `all` every line. `number` is that of the line before, and a place and `base` make an offset in the file.
  ;; Returns how many were found, the next place, and the number of the line before that.
  (func (export "scan")
    (param $at i32) (param $stop i32) (param $number i64) (param $base i64) (param $all i32)
    (result i32 i32 i64)
    (local $count i32) (local $end i32) (local $verdict i64) (local $found i32)
    (block $full
      (loop $line
        (br_if $full (i32.ge_u (local.get $at) (local.get $stop)))
        (br_if $full (i32.eq (local.get $count) (global.get $MOST_FOUND)))
        (local.set $number (i64.add (local.get $number) (i64.const 1)))
        (if (local.tee $end (call $chat (local.get $at)))
          (then
            (local.set $verdict
              (call $judge (local.get $at) (local.get $end) (local.get $number) (local.get $base))))
          (else
            (local.set $end (call $line_end (local.get $at)))
            (local.set $verdict (global.get $DOUBTFUL))))
        (if (i32.or (local.get $all) (i64.ne (local.get $verdict) (global.get $PASSABLE)))
          (then
            (local.set $found
              (i32.add (global.get $found) (i32.mul (local.get $count) (global.get $FOUND_SIZE))))
            (i32.store (local.get $found) (local.get $at))
            (i32.store offset=4 (local.get $found) (local.get $end))
            (i64.store offset=8 (local.get $found) (local.get $number))
            (i64.store offset=16 (local.get $found) (local.get $verdict))
            (local.set $count (i32.add (local.get $count) (i32.const 1)))))
        (local.set $at (local.get $end))
        (br $line)))
    (local.get $count) (local.get $at) (local.get $number))

  ;; What is known of a line that is a clean chat; it is remembered.
  (func $judge (param $at i32) (param $end i32) (param $number i64) (param $base i64) (result i64)
    (local $verdict i64)
    (local.set $verdict
      (call $recall
        (call $hash (local.get $at) (local.get $end))
        (i64.add (local.get $base) (i64.extend_i32_u (local.get $at)))
        (local.get $number)))
    (if (i64.ne (local.get $verdict) (global.get $PASSABLE)) (then (return (local.get $verdict))))
    (select
      (global.get $PASSABLE) (global.get $DOUBTFUL)
      (i32.and
        (i64.ne (i64.rem_u (local.get $number) (global.get $stride)) (i64.const 0))
        (i32.le_u (i32.sub (local.get $end) (local.get $at)) (global.get $longest)))))

  ;; Read a clean chat and the end of its line.
  (func $chat (param $at i32) (result i32)
    (local $role i32) (local $start i32) (local $end i32)
    (local.set $at (call $word (call $word (local.get $at) (global.get $MESSAGES)) (global.get $BRACKET)))
    (local.set $role (global.get $USER))
    (if (call $role (local.get $at) (global.get $SYSTEM))
      (then (local.set $role (global.get $SYSTEM))))
    (loop $message (result i32)
      (local.set $start
        (call $word
          (call $word
            (call $word (call $role (local.get $at) (local.get $role)) (global.get $COMMA))
            (global.get $CONTENT))
          (global.get $QUOTE)))
      (local.set $at
        (call $text (local.get $start) (i32.eq (local.get $role) (global.get $ASSISTANT))))
      (local.set $at (call $word (local.get $at) (global.get $CLOSE)))
      (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))
      (if (i32.eq (local.get $role) (global.get $ASSISTANT))
        (then
          (if (local.tee $end (call $word (local.get $at) (global.get $END)))
            (then (return (local.get $end))))
          (local.set $role (global.get $USER)))
        (else
          (local.set $role
            (select
              (global.get $USER) (global.get $ASSISTANT)
              (i32.eq (local.get $role) (global.get $SYSTEM))))))
      (local.set $at (call $word (local.get $at) (global.get $COMMA)))
      (br $message)))

  ;; Read the beginning of a message of a role.
  (func $role (param $at i32) (param $role i32) (result i32)
    (call $word (call $word (call $word (local.get $at) (global.get $BRACE)) (global.get $ROLE)) (local.get $role)))

  ;; Read one of the words above, and blanks before it.
  (func $word (param $at i32) (param $word i32) (result i32)
    (local $letters v128) (local $padding v128)
    (loop $blank
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x20))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $blank))))
    (local.set $letters (v128.load (local.get $word)))
    (local.set $padding (i8x16.eq (local.get $letters) (v128.const i64x2 0 0)))
    (select
      (i32.add (local.get $at) (i32.ctz (i8x16.bitmask (local.get $padding))))
      (i32.const 0)
      (i8x16.all_true
        (v128.or (local.get $padding) (i8x16.eq (local.get $letters) (v128.load (local.get $at)))))))

  ;; Read a text up to the quotation mark behind it, that of an answer or of another message.
  (func $text (param $start i32) (param $answer i32) (result i32)
    (local $at i32) (local $bytes v128) (local $special i32) (local $byte i32)
    (local.set $at (local.get $start))
    (loop $next
      ;; Of sixteen bytes, which ones are no plain letters: a sign bit is that of a longer character.
      (local.set $bytes (v128.load (local.get $at)))
      (local.set $special
        (i8x16.bitmask
          (v128.or
            (v128.or (local.get $bytes) (i8x16.lt_u (local.get $bytes) (i8x16.splat (i32.const 0x20))))
            (v128.or
              (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x22)))
              (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x5c)))))))
      (if (i32.eqz (local.get $special))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))
      (local.set $at (i32.add (local.get $at) (i32.ctz (local.get $special))))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.ge_u (local.get $byte) (i32.const 0x80))
        (then
          (br_if $next (local.tee $at (call $characters (local.get $at))))
          (return (i32.const 0))))
      (if (i32.eq (local.get $byte) (i32.const 0x5c))
        (then
          (local.set $byte (i32.load8_u offset=1 (local.get $at)))
          (if (i32.eqz (i32.load8_u (i32.add (global.get $escapes) (local.get $byte))))
            (then (return (i32.const 0))))
          (local.set $at (i32.add (local.get $at) (i32.const 2)))
          (br $next))))
    (if (i32.or (i32.ne (local.get $byte) (i32.const 0x22)) (i32.eq (local.get $at) (local.get $start)))
      (then (return (i32.const 0))))
    (select
      (i32.const 0) (local.get $at)
      (call $may_lack_words (local.get $start) (local.get $at) (local.get $answer))))

  ;; Read characters of more than one byte: they stand together.
  (func $characters (param $at i32) (result i32)
    (local $bytes v128)
    (loop $next
      (local.set $bytes (v128.load (local.get $at)))
      ;; Five of three bytes each, if none of them is of those that have to be looked at more closely.
      (if (i32.and
            (i8x16.all_true
              (i8x16.eq
                (v128.and
                  (local.get $bytes)
                  (v128.const i8x16 0xf0 0xc0 0xc0 0xf0 0xc0 0xc0 0xf0 0xc0 0xc0 0xf0 0xc0 0xc0 0xf0 0xc0 0xc0 0))
                (v128.const i8x16 0xe0 0x80 0x80 0xe0 0x80 0x80 0xe0 0x80 0x80 0xe0 0x80 0x80 0xe0 0x80 0x80 0)))
            (i32.eqz
              (v128.any_true
                (v128.or
                  (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0xe0)))
                  (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0xed)))))))
        (then (local.set $at (i32.add (local.get $at) (i32.const 15))))
        (else
          (if (i32.eqz (local.tee $at (call $character (local.get $at)))) (then (return (i32.const 0))))))
      (br_if $next (i32.ge_u (i32.load8_u (local.get $at)) (i32.const 0x80))))
    (local.get $at))

  ;; Read a character of more than one byte.
  (func $character (param $at i32) (result i32)
    (local $bytes i32) (local $telling i32)
    (local.set $bytes (i32.load (local.get $at)))
    ;; 1110.... 10...... 10......, but no number below U+0800, and no half of a character.
    (if (i32.eq (i32.and (local.get $bytes) (i32.const 0xc0_c0f0)) (i32.const 0x80_80e0))
      (then
        (local.set $telling (i32.and (local.get $bytes) (i32.const 0x200f)))
        (return
          (select
            (i32.add (local.get $at) (i32.const 3)) (i32.const 0)
            (i32.and (i32.ne (local.get $telling) (i32.const 0)) (i32.ne (local.get $telling) (i32.const 0x200d)))))))
    ;; 110..... 10......, but no number below U+0080.
    (if (i32.eq (i32.and (local.get $bytes) (i32.const 0xc0e0)) (i32.const 0x80c0))
      (then
        (return
          (select
            (i32.add (local.get $at) (i32.const 2)) (i32.const 0)
            (i32.and (local.get $bytes) (i32.const 0x001e))))))
    ;; 11110... 10...... 10...... 10......, from U+10000 to U+10FFFF: the upper five bits of the number tell.
    (if (i32.ne (i32.and (local.get $bytes) (i32.const 0xc0c0_c0f8)) (i32.const 0x8080_80f0))
      (then (return (i32.const 0))))
    (local.set $telling
      (i32.or
        (i32.shl (i32.and (local.get $bytes) (i32.const 7)) (i32.const 2))
        (i32.and (i32.shr_u (local.get $bytes) (i32.const 12)) (i32.const 3))))
    (select
      (i32.add (local.get $at) (i32.const 4)) (i32.const 0)
      (i32.lt_u (i32.sub (local.get $telling) (i32.const 1)) (i32.const 16))))

  ;; Whether a text may be blank or, if it is an answer, only stand for a medium.
  (func $may_lack_words (param $start i32) (param $end i32) (param $answer i32) (result i32)
    (local $first i32) (local $last i32) (local $class i32) (local $before i32)
    (local.set $first (call $class (local.get $start)))
    (if (i32.and (local.get $first) (global.get $UNSEEN)) (then (return (i32.const 1))))
    (if (i32.eqz (local.get $answer)) (then (return (i32.const 0))))
    (if (i32.and (local.get $first) (global.get $OPENS_NOTE)) (then (return (i32.const 1))))
    (local.set $last (local.get $end))
    (loop $back
      (local.set $last (i32.sub (local.get $last) (i32.const 1)))
      (br_if $back (i32.eq (i32.and (i32.load8_u (local.get $last)) (i32.const 0xc0)) (i32.const 0x80))))
    (local.set $class (call $class (local.get $last)))
    (if (i32.and (local.get $class) (global.get $UNSEEN)) (then (return (i32.const 1))))
    ;; A letter behind a backslash may be one, but may be behind two.
    (local.set $before (i32.sub (local.get $last) (i32.const 1)))
    (if (i32.eq (i32.load8_u (local.get $before)) (i32.const 0x5c))
      (then (return (i32.and (call $class (local.get $before)) (global.get $UNSEEN)))))
    (if (i32.eqz (i32.and (local.get $class) (global.get $ENDS_NOTE))) (then (return (i32.const 0))))
    (if (i32.eqz (call $is_short (local.get $start) (local.get $end))) (then (return (i32.const 0))))
    (local.set $last (i32.load8_u (local.get $last)))
    (local.set $before (i32.load8_u (local.get $before)))
    (if (i32.ge_u (i32.or (local.get $last) (local.get $before)) (i32.const 0x80)) (then (return (i32.const 1))))
    ;; Of two ASCII letters, not the last one alone tells.
    (i32.load8_u
      (i32.add (global.get $pairs) (i32.add (i32.shl (local.get $before) (i32.const 7)) (local.get $last)))))

  ;; Whether a text has few enough characters for a note.
  (func $is_short (param $at i32) (param $end i32) (result i32)
    (local $count i32)
    (loop $next
      ;; A backslash and what is behind it are one; the further bytes of a character are none.
      (local.set $at
        (i32.add (local.get $at) (i32.add (i32.const 1) (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x5c)))))
      (br_if $next (i32.eq (i32.and (i32.load8_u (local.get $at)) (i32.const 0xc0)) (i32.const 0x80)))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (if (i32.gt_u (local.get $count) (global.get $max_note)) (then (return (i32.const 0))))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i32.const 1))

  ;; The class of the character at a place, which may be one behind a backslash.
  (func $class (param $at i32) (result i32)
    (local $byte i32) (local $code i32)
    (local.set $byte (i32.load8_u (local.get $at)))
    (if (i32.eq (local.get $byte) (i32.const 0x5c))
      (then
        (return
          (select
            (global.get $UNSEEN) (i32.const 0)
            (i32.eq
              (i32.load8_u (i32.add (global.get $escapes) (i32.load8_u offset=1 (local.get $at))))
              (global.get $BLANK))))))
    (if (i32.ge_u (local.get $byte) (i32.const 0xf0)) (then (return (i32.const 0))))
    (local.set $code (local.get $byte))
    (if (i32.ge_u (local.get $byte) (i32.const 0xc0))
      (then
        (local.set $code
          (i32.or
            (i32.shl (i32.and (local.get $byte) (i32.const 0x1f)) (i32.const 6))
            (i32.and (i32.load8_u offset=1 (local.get $at)) (i32.const 0x3f))))))
    (if (i32.ge_u (local.get $byte) (i32.const 0xe0))
      (then
        (local.set $code
          (i32.or
            (i32.shl (local.get $code) (i32.const 6))
            (i32.and (i32.load8_u offset=2 (local.get $at)) (i32.const 0x3f))))))
    (i32.load8_u (i32.add (global.get $classes) (local.get $code))))

  ;; A hash of a line, never 0. Lines with one hash are looked at, no more: it need not withstand anybody.
  (func $hash (param $at i32) (param $end i32) (result i64)
    (local $one i64) (local $other i64) (local $last i32)
    (local.set $last (i32.sub (local.get $end) (i32.const 16)))
    (loop $next
      (local.set $one
        (i64.mul
          (i64.xor (i64.rotl (local.get $one) (i64.const 23)) (i64.load (local.get $at)))
          (i64.const 0x9e37_79b9_7f4a_7c15)))
      (local.set $other
        (i64.mul
          (i64.xor (i64.rotl (local.get $other) (i64.const 23)) (i64.load offset=8 (local.get $at)))
          (i64.const 0x9e37_79b9_7f4a_7c15)))
      ;; What is left at the end is read together with some of what has been read.
      (local.set $at
        (select
          (local.get $last)
          (i32.add (local.get $at) (i32.const 16))
          (i32.and
            (i32.lt_u (local.get $at) (local.get $last))
            (i32.gt_u (i32.add (local.get $at) (i32.const 16)) (local.get $last)))))
      (br_if $next (i32.le_u (local.get $at) (local.get $last))))
    (local.set $one (i64.xor (local.get $one) (i64.rotl (local.get $other) (i64.const 31))))
    (i64.or
      (i64.mul
        (i64.xor (local.get $one) (i64.shr_u (local.get $one) (i64.const 32)))
        (i64.const 0x9e37_79b9_7f4a_7c15))
      (i64.const 1)))

  ;; Remember a line by its hash: PASSABLE if it is the first one. Else the mark of that one, which is told once.
  (func $recall (param $hash i64) (param $offset i64) (param $number i64) (result i64)
    (local $slot i32) (local $tries i32) (local $held i64) (local $mark i64)
    (local.set $slot (i32.and (i32.wrap_i64 (i64.shr_u (local.get $hash) (i64.const 20))) (global.get $SLOT_MASK)))
    (loop $try
      (local.set $held (i64.load (i32.add (global.get $slots) (local.get $slot))))
      (if (i64.eq (local.get $held) (local.get $hash))
        (then
          (local.set $slot (i32.add (global.get $slots) (local.get $slot)))
          (local.set $mark (i64.load offset=8 (local.get $slot)))
          (i64.store offset=8 (local.get $slot) (global.get $DOUBTFUL))
          (return (local.get $mark))))
      (if (i64.eqz (local.get $held))
        (then
          (if (i64.le_u (local.get $number) (global.get $remembered))
            (then
              (local.set $slot (i32.add (global.get $slots) (local.get $slot)))
              (i64.store (local.get $slot) (local.get $hash))
              (i64.store offset=8 (local.get $slot)
                (i64.or (i64.shl (local.get $offset) (global.get $NUMBER_BITS)) (local.get $number)))))
          (return (global.get $PASSABLE))))
      (local.set $slot (i32.and (i32.add (local.get $slot) (i32.const 16)) (global.get $SLOT_MASK)))
      (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
      (br_if $try (i32.lt_u (local.get $tries) (global.get $MOST_TRIES))))
    (global.get $DOUBTFUL))

  ;; The place behind the end of the line.
  (func $line_end (param $at i32) (result i32)
    (local $ends i32)
    (loop $next
      (local.set $ends
        (i8x16.bitmask (i8x16.eq (v128.load (local.get $at)) (i8x16.splat (i32.const 0x0a)))))
      (if (i32.eqz (local.get $ends))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next))))
    (i32.add (i32.add (local.get $at) (i32.ctz (local.get $ends))) (i32.const 1)))

  ;; Whether "bearer " stands between two places.
  (func (export "holds_bearer") (param $at i32) (param $stop i32) (result i32)
    (loop $next
      (if (v128.any_true
            (v128.and
              (v128.and
                (i8x16.eq (v128.load (local.get $at)) (i8x16.splat (i32.const 0x62)))
                (i8x16.eq (v128.load offset=5 (local.get $at)) (i8x16.splat (i32.const 0x72))))
              (i8x16.eq (v128.load offset=6 (local.get $at)) (i8x16.splat (i32.const 0x20)))))
        (then (return (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $stop))))
    (i32.const 0)))
