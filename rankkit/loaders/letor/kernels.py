"""The compiled loops that turn bytes of LETOR text into arrays.

A block is a run of whole lines: ``data[:n_bytes]`` ends with a newline, and some bytes more can be read behind it
(:mod:`rankkit.loaders.letor.text_blocks`), so that eight bytes may be loaded at once from any place in the block. All
loops release the GIL.

What makes it fast: in a dense file the bytes `` 7:`` behind feature 6 are known before they are read, so one
comparison of eight bytes replaces the parsing of the index; and digits are converted eight at a time, so that their
number costs no mispredicted branch. Whatever is not plain (exponents, long numbers, other spacing) takes a slower
path through :func:`_parse_number` that gives the same results.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from rankkit.compilation import kernel, part

# What a kernel says about the place where it stopped.
OK = 0
BAD_LABEL = 1
NEGATIVE_LABEL = 2
NO_QID = 3
EMPTY_QID = 4
BAD_FEATURE = 5
QID_AFTER_FEATURES = 6
INDEX_ZERO = 7
INDEX_TOO_LARGE = 8
DUPLICATE_INDEX = 9
EMPTY_VALUE = 10
BAD_VALUE = 11
INFINITE_VALUE = 12
NUL_BYTE = 13
NO_GRADE = 14
EXTRA_QID = 15  # where the form of the lines has none
EXTRA_LABEL = 16  # likewise
MISSING_VALUE = 17
BAD_TEXT = 18  # said by the caller of ids that are no UTF-8
_UNORDERED = 19  # internal: the row has to be read again by the loop for indices in any order

# The form of the lines, which bits of `form` in parse_block tell.
WITHOUT_QID = 1
WITHOUT_LABEL = 2
ANY_LABEL = 4  # labels need not be grades
WITHOUT_MISSING = 8  # missing values are not allowed

# Places in the `stats` array of parse_block.
STATUS = 0  # one of the codes above
STOPPED_AT = 1  # byte where the token at fault begins
N_ROWS = 2
N_RUNS = 3
N_HARD = 4  # values left to Python; more than the rows of `hard` where they did not fit
N_MISSING = 5
FIRST_MISSING = 6  # byte
N_UNORDERED = 7
FIRST_UNORDERED = 8  # byte in the first such row
N_EMPTY_ROWS = 9
FIRST_EMPTY_ROW = 10  # byte in the first such row
STRING_QIDS = 11  # 1 where a qid is no canonical int64
LONGEST_ID = 12  # bytes
LAST_COUNT = 13  # features in the last row
FEWEST_BEFORE = 14  # fewest features in a row before the last one; NO_COUNT without such a row
N_STATS = 15
FIRST_PLACES = (FIRST_MISSING, FIRST_UNORDERED, FIRST_EMPTY_ROW)

# Columns of the `runs` array of parse_block.
RUN_ROW, RUN_LINE, RUN_START, RUN_STOP, RUN_QID = range(5)

LABEL_COLUMN = -1  # in `hard`
LARGEST_GRADE = 31
NO_COUNT = 2**62
MAX_INDEX = 10**17  # loops count no further: with one more digit it is still an int64
_MAX_EXPONENT = 10**9

_TAB, _NEWLINE, _RETURN, _SPACE, _HASH, _PLUS, _MINUS, _DOT, _ZERO, _NINE, _COLON = (ord(c) for c in "\t\n\r #+-.09:")
_EQUALS, _E = ord("="), ord("e")
_LOWER = 0x20  # the bit that makes an ASCII letter lower case

# What a token of _parse_number is.
_NUMBER, _HARD, _MISSING, _INFINITE, _EMPTY, _BAD = range(6)

_ASCII_ZEROS = np.uint64(0x3030303030303030)
_ABOVE_NINE = np.uint64(0x7676767676767676)  # a byte of 10..127 plus 0x76 sets its top bit
_TOP_BITS = np.uint64(0x8080808080808080)
_PAIRS = np.uint64(0x000000FF000000FF)
_TEN = np.uint64(10)
_HUNDREDS = np.uint64(100 + (1000000 << 32))
_UNITS = np.uint64(1 + (10000 << 32))
_EIGHT, _SIXTEEN, _THIRTY_TWO = np.uint64(8), np.uint64(16), np.uint64(32)

_NULL = np.uint64(int.from_bytes(b"NULL", "little") << 32)
_NAN = np.uint64(int.from_bytes(b"nan", "little") << 40)
_INF = np.uint64(int.from_bytes(b"inf", "little") << 40)
_LOWER_WORD = np.uint64(0x2020202020202020)
_QID = np.uint64(int.from_bytes(b"qid:", "little") << 32)
_DOCID = np.uint64(int.from_bytes(b"docid", "little") << 24)

_EXACT_POWER = 22  # 10**22 is the largest power of ten that a double holds exactly
_LAST_POWER = 80
_POWERS = np.array([float(f"1e{k}") for k in range(_LAST_POWER + 1)])
_INT_POWERS = np.array([10**k for k in range(9)], dtype=np.int64)
_INT64_MAX = np.uint64(2**63 - 1)
_EXACT_MANTISSA = np.uint64(2**53)
_KEPT_DIGITS = 19  # as many as always fit a uint64
_FLOAT32_TINY = float(np.finfo(np.float32).tiny)
_LOW_BITS = np.int64(2**29 - 1)  # of a double's mantissa, those that float32 rounds away
_MIDPOINT = np.int64(2**28)
_DOUBT = np.int64(8)

_kernel = kernel(boundscheck=False, error_model="numpy")
_part = part(boundscheck=False, error_model="numpy")
_inline = part(boundscheck=False, error_model="numpy", forceinline=True)


def _pointer_at(context, builder, array_type, array, index):
    raw = context.make_array(array_type)(context, builder, array).data
    return builder.gep(builder.bitcast(raw, ir.IntType(8).as_pointer()), [index])


@intrinsic
def byte_at(typing_context, data, index):
    """data[index] as int64, without the test for a negative index."""

    def generate(context, builder, signature, args):
        pointer = _pointer_at(context, builder, signature.args[0], args[0], args[1])
        return builder.zext(builder.load(pointer), ir.IntType(64))

    return types.int64(data, types.int64), generate


@intrinsic
def word_at(typing_context, data, index):
    """The eight bytes from data[index] as one little-endian uint64, wherever they lie."""

    def generate(context, builder, signature, args):
        pointer = _pointer_at(context, builder, signature.args[0], args[0], args[1])
        return builder.load(builder.bitcast(pointer, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.int64), generate


@intrinsic
def _trailing_zeros(typing_context, word):
    """How many zero bits stand below the lowest one; 64 for 0."""

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def _bits_of(typing_context, value):
    """The bits of a float64 as int64."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), generate


@_inline
def _is_blank(byte):
    return byte == _SPACE or (_TAB <= byte <= _RETURN and byte != _NEWLINE)


@_inline
def _is_digit(byte):
    return _ZERO <= byte <= _NINE


@_inline
def _ends_token(byte):
    return _is_blank(byte) or byte in (_NEWLINE, _HASH)


@_inline
def _skip_blanks(data, pos):
    while _is_blank(byte_at(data, pos)):
        pos += 1
    return pos


@_inline
def _token_end(data, pos):
    while not _ends_token(byte_at(data, pos)):
        pos += 1
    return pos


@_inline
def count_digits(word):
    """How many digits the eight bytes begin with, 0 to 8."""
    values = word ^ _ASCII_ZEROS  # a digit becomes 0..9
    others = (values + _ABOVE_NINE | values) & _TOP_BITS  # carries only ever reach bytes behind the first other one
    return _trailing_zeros(others) >> 3


@_inline
def digits_value(word, n):
    """The number that the first n bytes spell, all of them digits, n from 1 to 8 (eight digits in three products)."""
    values = (word ^ _ASCII_ZEROS) << np.uint64(64 - 8 * n)  # zeros in front do not change a number
    pairs = values * _TEN + (values >> _EIGHT)
    return np.int64(((pairs & _PAIRS) * _HUNDREDS + ((pairs >> _SIXTEEN) & _PAIRS) * _UNITS) >> _THIRTY_TWO)


@_part
def to_float32(mantissa, exponent):
    """The number mantissa * 10**exponent as ``np.float32(float(text))`` has it; and whether that is certain.

    A mantissa and a power of ten that doubles hold exactly meet in one rounding, as in ``float``. Otherwise three
    roundings (mantissa, power, their product) and cut digits leave the double within 4 units in its last place of
    ``float(text)``: that changes the float32 only where a point half way between two of them lies as near.
    """
    scale = _POWERS[min(abs(exponent), _LAST_POWER)]
    value = np.float64(mantissa) * scale if exponent > 0 else np.float64(mantissa) / scale
    if mantissa <= _EXACT_MANTISSA and abs(exponent) <= _EXACT_POWER:
        return np.float32(value), True
    if mantissa == 0:
        return np.float32(0.0), True
    from_midpoint = abs((_bits_of(value) & _LOW_BITS) - _MIDPOINT)
    certain = abs(exponent) <= _LAST_POWER and value >= _FLOAT32_TINY and from_midpoint > _DOUBT
    return np.float32(value), certain


@_part
def _parse_word(data, start):
    """A token that is no decimal number: what it is, and where it stops."""
    stop = _token_end(data, start)
    if stop == start:
        return _EMPTY, stop
    if stop - start == 4 and word_at(data, start) << np.uint64(32) == _NULL:
        return _MISSING, stop
    pos = start + (byte_at(data, start) == _MINUS or byte_at(data, start) == _PLUS)
    word = (word_at(data, pos) | _LOWER_WORD) << np.uint64(40)
    if stop - pos == 3 and word == _NAN:
        return _MISSING, stop
    if word == _INF:  # and infinity, and whatever begins so: an error either way
        return _INFINITE, stop
    return _BAD, stop


@_part
def _parse_exponent(data, pos):
    """The number behind an e, and where it stops: at the e, which ends no token, where there is none."""
    start = pos - 1
    falls = byte_at(data, pos) == _MINUS
    if falls or byte_at(data, pos) == _PLUS:
        pos += 1
    if not _is_digit(byte_at(data, pos)):
        return 0, start
    exponent = 0
    while _is_digit(byte_at(data, pos)):
        exponent = min(exponent * 10 + byte_at(data, pos) - _ZERO, _MAX_EXPONENT)
        pos += 1
    return -exponent if falls else exponent, pos


@_part
def _parse_number(data, start):
    """Any token that stands for a value: the value, where it stops, what it is."""
    pos = start
    negative = byte_at(data, pos) == _MINUS
    if negative or byte_at(data, pos) == _PLUS:
        pos += 1
    mantissa, exponent, n_kept, n_digits, in_fraction = np.uint64(0), 0, 0, 0, False
    while True:
        byte = byte_at(data, pos)
        if _is_digit(byte):
            n_digits += 1
            if n_kept < _KEPT_DIGITS:
                mantissa = mantissa * _TEN + np.uint64(byte - _ZERO)
                n_kept += mantissa != 0
                exponent -= in_fraction
            else:
                exponent += not in_fraction
        elif byte == _DOT and not in_fraction:
            in_fraction = True
        else:
            break
        pos += 1
    if n_digits == 0:
        kind, stop = _parse_word(data, start)
        return np.float32(np.nan), stop, kind
    if byte | _LOWER == _E:
        shift, pos = _parse_exponent(data, pos + 1)
        exponent += shift
    if not _ends_token(byte_at(data, pos)):
        return np.float32(np.nan), pos, _BAD
    value, certain = to_float32(mantissa, exponent)
    if not certain:
        return np.float32(np.nan), pos, _HARD
    if np.isinf(value):
        return value, pos, _INFINITE
    return -value if negative else value, pos, _NUMBER


@_part
def _parse_index(data, pos):
    """The index before a colon and the byte behind it; a negative index where there is none (minus the error)."""
    start, index = pos, 0
    while _is_digit(byte_at(data, pos)):
        index = min(index * 10 + byte_at(data, pos) - _ZERO, MAX_INDEX)
        pos += 1
    if pos > start and byte_at(data, pos) == _COLON:
        return index, pos + 1
    return -QID_AFTER_FEATURES if _starts_with_qid(data, start) else -BAD_FEATURE, start


@_inline
def _starts_with_qid(data, pos):
    return word_at(data, pos) << np.uint64(32) == _QID


@_inline
def _starts_with(data, pos, prefixes, shifts, column):
    return word_at(data, pos) << shifts[column] == prefixes[column]


@_inline
def _count(stats, how_many, first, pos):
    if stats[how_many] == 0:
        stats[first] = pos
    stats[how_many] += 1


@_inline
def _keep_odd_value(kind, row, column, start, stop, hard, stats):
    """Note a value that is no plain number; gives the error code, OK for one that is allowed."""
    if kind == _HARD:
        n_hard = stats[N_HARD]
        if n_hard < len(hard):
            hard[n_hard, 0], hard[n_hard, 1], hard[n_hard, 2], hard[n_hard, 3] = row, column, start, stop
        stats[N_HARD] = n_hard + 1
        return OK
    if kind == _MISSING:
        _count(stats, N_MISSING, FIRST_MISSING, start)
        return OK
    if kind == _INFINITE:
        return INFINITE_VALUE
    return EMPTY_VALUE if kind == _EMPTY else BAD_VALUE


@_inline
def _check_index(index, column, width):
    if index < 0:
        return -index
    if column < 0:
        return INDEX_ZERO
    return INDEX_TOO_LARGE if column >= width else OK


@_part
def _parse_ordered(data, pos, row, values, base, prefixes, shifts, hard, stats):
    """The features of one row while their indices rise: status, byte where it ends or fails, number of features."""
    width, n_predicted = len(values), len(prefixes)
    column, n_found = -1, 0  # the last column that was filled
    while True:
        column += 1
        start = pos
        if column < n_predicted and _starts_with(data, pos, prefixes, shifts, np.uint64(column)):
            pos += 8 - np.int64(shifts[np.uint64(column)] >> np.uint64(3))
        else:
            start = _skip_blanks(data, pos)
            byte = byte_at(data, start)
            if byte in (_NEWLINE, _HASH):
                values[column:] = 0
                return OK, start, n_found
            index, pos = _parse_index(data, start)
            status = _check_index(index, index - base, width)
            if status != OK:
                return status, start, n_found
            if index - base < column:
                return _UNORDERED, start, n_found
            values[column : index - base] = 0
            column = index - base
        n_found += 1
        # A number of fewer than 8 digits before and behind the point. Not a function of its own: that costs a third
        # of the speed.
        negative = byte_at(data, pos) == _MINUS
        stop = pos + negative
        word = word_at(data, stop)
        n_whole = count_digits(word)
        stop += n_whole
        plain = 0 < n_whole < 8
        value = np.float64(0.0)
        if plain:
            whole = digits_value(word, n_whole)
            value = np.float64(whole)
            if byte_at(data, stop) == _DOT:
                word = word_at(data, stop + 1)
                n_part = count_digits(word)
                plain = 0 < n_part < 8
                if plain:
                    stop += 1 + n_part
                    mantissa = whole * _INT_POWERS[np.uint64(n_part)] + digits_value(word, n_part)
                    value = np.float64(mantissa) / _POWERS[np.uint64(n_part)]
        if plain and _ends_token(byte_at(data, stop)):
            values[np.uint64(column)] = np.float32(-value if negative else value)
            pos = stop
            continue
        odd, stop, kind = _parse_number(data, pos)
        values[np.uint64(column)] = odd
        if kind != _NUMBER:
            status = _keep_odd_value(kind, row, column, pos, stop, hard, stats)
            if status != OK:
                return status, start, n_found
        pos = stop


@_part
def _column_of(index, chosen):
    """The column of a feature among the chosen ones; MAX_INDEX where it is none of them."""
    low, high = np.int64(0), np.int64(len(chosen))
    while low < high:
        middle = (low + high) >> 1
        if chosen[middle, 0] < index:
            low = middle + 1
        else:
            high = middle
    return chosen[low, 1] if low < len(chosen) and chosen[low, 0] == index else np.int64(MAX_INDEX)


@_part
def _parse_any_order(data, pos, row, values, base, chosen, seen, hard, stats):
    """The features of one row with indices in any order: as :func:`_parse_ordered`.

    Where some are chosen, the values of the others are passed over.
    """
    values[:] = 0
    n_found, previous, rises = 0, -1, True
    while True:
        start = _skip_blanks(data, pos)
        byte = byte_at(data, start)
        if byte in (_NEWLINE, _HASH):
            if not rises:
                _count(stats, N_UNORDERED, FIRST_UNORDERED, start)
            return OK, start, n_found
        index, pos = _parse_index(data, start)
        rises &= index > previous
        previous = index
        n_found += 1
        column = index - base
        if len(chosen) and index >= base:
            column = _column_of(index, chosen)
            if column == MAX_INDEX:
                while not _ends_token(byte_at(data, pos)):
                    if byte_at(data, pos) == 0:
                        return NUL_BYTE, start, n_found
                    pos += 1
                continue
        status = _check_index(index, column, len(values))
        if status == OK and seen[column] == row + 1:
            status = DUPLICATE_INDEX
        if status != OK:
            return status, start, n_found
        seen[column] = row + 1
        value, stop, kind = _parse_number(data, pos)
        values[column] = value
        if kind != _NUMBER:
            status = _keep_odd_value(kind, row, column, pos, stop, hard, stats)
            if status != OK:
                return status, start, n_found
        pos = stop


@_part
def _parse_features(data, pos, row, values, base, prefixes, shifts, chosen, seen, hard, stats):
    n_hard, n_missing = stats[N_HARD], stats[N_MISSING]
    status, stop, n_found = _UNORDERED, pos, 0
    if len(chosen) == 0:
        status, stop, n_found = _parse_ordered(data, pos, row, values, base, prefixes, shifts, hard, stats)
    if status == _UNORDERED:
        stats[N_HARD], stats[N_MISSING] = n_hard, n_missing
        status, stop, n_found = _parse_any_order(data, pos, row, values, base, chosen, seen, hard, stats)
    if n_found == 0:
        _count(stats, N_EMPTY_ROWS, FIRST_EMPTY_ROW, pos)
    stats[FEWEST_BEFORE] = min(stats[FEWEST_BEFORE], stats[LAST_COUNT])
    stats[LAST_COUNT] = n_found
    return status, stop


@_part
def _parse_label(data, start, row, form, hard, stats):
    """The label, where it stops, and the error code."""
    value, stop, kind = _parse_number(data, start)
    if kind == _HARD:
        return value, stop, _keep_odd_value(kind, row, np.int64(LABEL_COLUMN), start, stop, hard, stats)
    if kind != _NUMBER:
        return value, stop, BAD_LABEL
    if value < 0:
        return value, stop, NEGATIVE_LABEL
    is_grade = value <= LARGEST_GRADE and value == np.float32(np.int64(value))
    return value, stop, OK if is_grade or form & ANY_LABEL else NO_GRADE


@_part
def _parse_head(data, start, row, form, hard, stats):
    """Label and qid of a row: status, byte where they end or fail, label, first byte of the qid."""
    label, stop = np.float32(0.0), start
    if form & WITHOUT_LABEL == 0:
        label, stop, status = _parse_label(data, start, row, form, hard, stats)
        if status != OK:
            return status, start, label, start
        start = _skip_blanks(data, stop)
    has_qid = _starts_with_qid(data, start)
    if form & WITHOUT_QID:
        return (EXTRA_QID, start, label, start) if has_qid else (OK, stop, label, stop)
    if not has_qid:
        return EXTRA_LABEL if form & WITHOUT_LABEL else NO_QID, start, label, start
    qid = start + 4
    stop = _token_end(data, qid)
    if stop == qid:
        return EMPTY_QID, start, label, start
    return OK, stop, label, qid


@_part
def _begin_run(data, qid, stop, row, line, runs, stats):
    """Note that the rows from here on have this qid."""
    number, is_canonical = _canonical_int(data, qid, stop)
    if not is_canonical:
        stats[STRING_QIDS] = 1
    run = stats[N_RUNS]
    runs[run, RUN_ROW], runs[run, RUN_LINE] = row, line
    runs[run, RUN_START], runs[run, RUN_STOP], runs[run, RUN_QID] = qid, stop, number
    stats[N_RUNS] = run + 1


@_part
def _canonical_int(data, start, stop):
    """The int64 that the token spells as ``str`` would; and whether it does."""
    negative = byte_at(data, start) == _MINUS
    first = start + negative
    n_digits = stop - first
    if n_digits < 1 or n_digits > _KEPT_DIGITS or (byte_at(data, first) == _ZERO and (n_digits > 1 or negative)):
        return np.int64(0), False
    value = np.uint64(0)
    for pos in range(first, stop):
        byte = byte_at(data, pos)
        if not _is_digit(byte):
            return np.int64(0), False
        value = value * _TEN + np.uint64(byte - _ZERO)
    if value > _INT64_MAX + np.uint64(negative):
        return np.int64(0), False
    return -np.int64(value) if negative else np.int64(value), True


@_inline
def _equal_bytes(data, a, b, n):
    for i in range(n):  # noqa: SIM110 - numba compiles no generator
        if byte_at(data, a + i) != byte_at(data, b + i):
            return False
    return True


@_part
def _comment_end(data, pos):
    """The newline that ends a comment, or minus the place of a NUL byte."""
    while True:
        byte = byte_at(data, pos)
        if byte == _NEWLINE:
            return pos
        if byte == 0:
            return -pos
        pos += 1


@_part
def _find_doc_id(data, start, end):
    """Where the document id stands in a comment: the word after ``docid =``, or else all of it, stripped.

    ``start`` is the ``#``, or ``end`` where there is no comment.
    """
    start = _skip_blanks(data, min(start + 1, end))
    while end > start and _is_blank(byte_at(data, end - 1)):
        end -= 1
    if word_at(data, start) << np.uint64(24) == _DOCID:
        pos = _skip_blanks(data, start + 5)
        if byte_at(data, pos) == _EQUALS:
            pos = _skip_blanks(data, pos + 1)
            stop = pos
            while stop < end and not _is_blank(byte_at(data, stop)):
                stop += 1
            if stop > pos:
                return pos, stop
    return start, end


@_kernel
def parse_block(data, n_bytes, form, base, prefixes, shifts, chosen, features, labels, runs, ids, hard, seen, stats):
    """Parse the lines of ``data[:n_bytes]``; the outputs have at least as many rows as it has lines.

    Args:
        data: The block, with PADDING readable bytes behind it.
        n_bytes: Its length; the last of them is a newline.
        form: Bits: WITHOUT_QID, WITHOUT_LABEL, ANY_LABEL, WITHOUT_MISSING.
        base: The index of the first feature, 1 or 0.
        prefixes: uint64 ``[feature]`` from :func:`rankkit.loaders.letor.lines.expected_prefixes`.
        shifts: uint64 ``[feature]``, likewise.
        chosen: int64 ``[feature, 2]``, the indices that are read, rising, and the column of each; empty for all.
        features: float32 ``[row, feature]``, filled here.
        labels: float32 ``[row]``, filled here.
        runs: int64 ``[row, 5]``: one entry for each run of rows with the same qid: its first row and the line of
            that, first byte of the qid, byte behind it, its value if it is a canonical int64.
        ids: int64 ``[row, 2]``: first byte of the document id and byte behind it.
        hard: int64 ``[any, 4]``: row, column, first byte and byte behind each value that is left to Python.
        seen: int64 ``[feature]``, zeros: scratch.
        stats: int64 ``[N_STATS]``, zeros: what was found.
    """
    pos, row, line = np.int64(0), np.int64(0), np.int64(0)  # a bare 0 would compile all that it is passed to twice
    qid, qid_length, status = np.int64(0), np.int64(-1), np.int64(OK)
    stats[LAST_COUNT], stats[FEWEST_BEFORE] = NO_COUNT, NO_COUNT
    while pos < n_bytes:
        pos = _skip_blanks(data, pos)
        is_row = not _ends_token(byte_at(data, pos))
        if is_row:
            previous, previous_length = qid, qid_length
            status, pos, label, qid = _parse_head(data, pos, row, form, hard, stats)
            if status != OK:
                break
            qid_length = pos - qid
            if qid_length != previous_length or not _equal_bytes(data, qid, previous, qid_length):
                _begin_run(data, qid, pos, row, line, runs, stats)
            labels[row] = label
            status, pos = _parse_features(
                data, pos, row, features[row], base, prefixes, shifts, chosen, seen, hard, stats
            )
            if form & WITHOUT_MISSING and stats[N_MISSING]:
                status, pos = MISSING_VALUE, stats[FIRST_MISSING]
            if status != OK:
                break
        end = _comment_end(data, pos)
        if end < 0:
            status, pos = NUL_BYTE, -end
            break
        if is_row:
            ids[row, 0], ids[row, 1] = _find_doc_id(data, pos, end)
            stats[LONGEST_ID] = max(stats[LONGEST_ID], ids[row, 1] - ids[row, 0])
            row += 1
        pos = end + 1
        line += 1
    stats[STATUS], stats[STOPPED_AT], stats[N_ROWS] = status, pos, row


@_kernel
def count_lines(data):
    """How many newlines the block holds."""
    n_lines = 0
    for byte in data:
        n_lines += byte == _NEWLINE
    return n_lines


@_kernel
def survey_block(data, n_bytes):
    """The largest feature index and its line, and whether every row holds all of its indices from the first on.

    Nothing is checked here: what is wrong in a line shows when it is parsed.
    """
    largest, largest_line, line, is_dense, pos = 0, 0, 0, True, np.int64(0)
    previous = -1  # no feature in this row yet
    while pos < n_bytes:
        start = _skip_blanks(data, pos)
        byte = byte_at(data, start)
        if byte == _HASH:
            start = abs(_comment_end(data, start))
            byte = byte_at(data, start)
        if byte == _NEWLINE or byte == 0:
            is_dense &= previous < 0 or previous == largest
            previous = -1
            line += byte == _NEWLINE
            pos = start + 1
            continue
        index, stop = _parse_index(data, start)
        if index >= 0:
            is_dense &= index == previous + 1 or (previous < 0 and index <= 1)
            previous = index
            if index > largest:
                largest, largest_line = index, line
        pos = _token_end(data, max(stop, start))
    return largest, largest_line, is_dense


@_kernel
def gather(data, spans, offsets, out):
    """Copy each span of bytes into out, one behind the other: span i to ``out[offsets[i]:offsets[i + 1]]``."""
    for row in range(len(spans)):
        start, place = spans[row, 0], offsets[row]
        for i in range(spans[row, 1] - start):
            out[place + i] = byte_at(data, start + i)
