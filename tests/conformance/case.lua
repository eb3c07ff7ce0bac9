-- The text of conformance cases: commands in, a transcript out.
--
-- A case is its own transcript: every command is printed, then its results,
-- and that must equal the file, comments and runs of blanks aside. Differences
-- go to stderr; with any, or with a skip line that skips no case, main is not
-- true.
local case = {}

-- Escaped quotes and backslashes are masked while a line is cut, so that any
-- quote left begins or ends a string.
local mask = { ["\\\\"] = "\1", ['\\"'] = "\2" }
local unmask = { ["\1"] = "\\\\", ["\2"] = '\\"' }
local hex = { ["\1"] = "\\x5c", ["\2"] = "\\x22", n = "\\x0a", t = "\\x09" }
local shown = { ["\n"] = "\\n", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }

-- Cut a line into its words.
function case.split(line)
    local words, at = {}, 1
    line = line:gsub('\\[\\"]', mask)
    while line:find("%S", at) do
        local _, to, word = line:find('^%s*([^%s"]*"[^"]*"[^%s"]*)', at)
        if not to then _, to, word = line:find('^%s*([^%s"]+)', at) end
        words[#words + 1], at = word, to + 1
    end
    return words
end

-- Read a word: a quoted string, perhaps repeated, or itself.
function case.value(word)
    local text, times = word:match('^"(.*)"%*?(%d*)$')
    if not text then return word end
    text = text:gsub("[\1\2]", hex):gsub("\\([nt])", hex)
    text = text:gsub("\\x(%x%x)", function(code)
        return string.char(tonumber(code, 16))
    end)
    return text:rep(tonumber(times) or 1)
end

-- Read the words behind a verb: options by their keys, and the others.
function case.arguments(words)
    local options, args = {}, {}
    for i = 2, #words do
        local key, text = words[i]:match("^([a-z.]+)=(.*)$")
        if key then
            options[key] = case.value(text)
        else
            args[#args + 1] = case.value(words[i])
        end
    end
    return options, args
end

function case.quoted(data)
    return '"' .. data:gsub('[%c"\\\128-\255]', function(c)
        return shown[c] or ("\\x%02x"):format(c:byte())
    end) .. '"'
end

-- Write a payload: one over 64 bytes by their number and sum.
function case.payload(data)
    local sum = 0
    if #data <= 64 then return case.quoted(data) end
    for i = 1, #data, 4 do
        local a, b, c, d = data:byte(i, i + 3)
        sum = sum + a + (b or 0) + (c or 0) + (d or 0)
    end
    return ("%d bytes sum=%d"):format(#data, sum)
end

-- Cut a failure's text to what the author said.
function case.failure(text)
    text = text:match("^[^\n]*")
    return text:match(".*: (.*)") or text
end

-- Write the named columns of a row.
function case.row(row, columns)
    local cells = {}
    for i, column in ipairs(columns) do
        local text = tostring(row[column])
        if column == "text" or column == "error" then
            text = case.failure(text)
        end
        cells[i] = column .. "=" ..
            (text:find("^[%w_.-]+$") and text or case.quoted(text))
    end
    return table.concat(cells, " ")
end

-- Read a file without comments, empty lines and runs of blanks.
local function read_lines(path)
    local lines = {}
    for line in io.lines(path) do
        local words = case.split(line)
        if #words > 0 and line:sub(1, 1) ~= "#" then
            lines[#lines + 1] = table.concat(words, " "):gsub("[\1\2]", unmask)
        end
    end
    return lines
end

local function complain(sign, lines)
    for _, line in ipairs(lines) do io.stderr:write(sign, line, "\n") end
end

-- Play a case to stdout; say whether it is its own transcript.
local function play_case(lines, play_command)
    local equal, at = true, 1
    while at <= #lines do
        local command, expected = lines[at], {}
        at = at + 1
        while at <= #lines and lines[at]:sub(1, 1) == "=" do
            expected[#expected + 1], at = lines[at], at + 1
        end
        local results = play_command(case.split(command))
        print(table.concat({ command, table.unpack(results) }, "\n"))
        if table.concat(results, "\n") ~= table.concat(expected, "\n") then
            equal = false
            complain(" ", { command })
            complain("-", expected)
            complain("+", results)
        end
    end
    return equal
end

local function read_skips(path)
    local skips = {}
    for _, line in ipairs(read_lines(path)) do
        local what, reason = line:match("^(.-): (.*)$")
        skips[what] = { reason = reason }
    end
    return skips
end

-- Find why a case is skipped, and mark all lines that say so.
local function find_reason(skips, path, lines)
    local reason
    local function look(what)
        local skip = skips[what]
        if skip then reason, skip.used = skip.reason, true end
    end
    look("case " .. path:match("([^/.]*)[^/]*$"))
    for _, line in ipairs(lines) do look("verb " .. line:match("%S+")) end
    return reason
end

-- Play `runner SKIP CASE...`; say whether all is as it should be.
function case.main(begin, play_command, finish)
    local skips = read_skips(arg[1])
    local skipped, failed, stale = 0, 0, 0
    for i = 2, #arg do
        local lines = read_lines(arg[i])
        local reason = find_reason(skips, arg[i], lines)
        print("# " .. arg[i]:match("[^/]*$") ..
            (reason and " skipped: " .. reason or ""))
        skipped = skipped + (reason and 1 or 0)
        if not reason then
            begin()
            if not play_case(lines, play_command) then
                failed = failed + 1
                io.stderr:write(arg[i], " differs\n")
            end
            finish()
        end
    end
    for what, skip in pairs(skips) do
        if not skip.used then
            stale = stale + 1
            io.stderr:write(what, ": skips no case\n")
        end
    end
    print(("# %d cases, %d skipped, %d differ"):format(#arg - 1, skipped,
        failed))
    return failed == 0 and stale == 0
end

return case
