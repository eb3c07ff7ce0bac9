--- lares.main: a Lua file as a program, and as a part of one.
local check = require "check"

local source = [[
local lares = require "lares"
local Counter = lares.daemon "counter"
function Counter:init() self.n = 0 end
function Counter:process(event)
    self.n = self.n + 1
    if event.data == "bad" then error "bad line" end
    return self.n .. self.argument .. event.data
end
%s lares.main(Counter)
]]

-- Run a shell command in a folder that holds counter.lua, and return its
-- output and exit code.
local function shell(command, keyword)
    local folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    local file = assert(io.open(folder .. "/counter.lua", "wb"))
    file:write(source:format(keyword or "return"))
    file:close()
    local pipe = io.popen(("cd %s && %s; echo exit $?"):format(folder,
        command))
    local text = pipe:read "a"
    pipe:close()
    os.execute("rm -r " .. folder)
    local output, code = text:match "^(.*)exit (%d+)\n$"
    return output, tonumber(code)
end

check.test("lines in, lines out", function()
    local output, code = shell [[printf 'a\n\nc' | lua5.4 counter.lua]]
    check.equal(output, "1a\n2\n3c\n")
    check.equal(code, 0)
end)

-- id: LU03
check.test("a million lines, in order, none lost", function()
    local output, code = shell [[seq 1000000 >in &&
        lua5.4 counter.lua <in >out && awk '{print $1 $1}' in | cmp - out &&
        echo equal]]
    check.equal(output, "equal\n")
    check.equal(code, 0)
end)

check.test("a call that is no tail call runs, too", function()
    local output = shell([[echo a | lua5.4 counter.lua]], "local _ =")
    check.equal(output, "1a\n")
end)

check.test("options are those of lares run", function()
    local output, code = shell [[echo a | lua5.4 counter.lua \
        --subscribe ticks --subscribe=ticks.end --publish counts \
        --argument : --option batch=1 --node east --json]]
    check.contains(output, [[{"channel":"counts","origin":"]])
    check.contains(output, [["sequence":1,"text":"1:a"}]])
    check.contains(output, [["sequence":2,"text":"2:"}]])
    check.equal(code, 0)
end)

check.test("a bad command line is exit 2", function()
    local output, code = shell "lua5.4 counter.lua --frob 2>&1 </dev/null"
    check.contains(output, "counter.lua: --frob: no such option")
    check.equal(code, 2)
    output, code = shell "lua5.4 counter.lua x.lua 2>&1 </dev/null"
    check.contains(output, "one file, not two")
    check.equal(code, 2)
    output, code = shell "lua5.4 counter.lua --help"
    check.contains(output, "--subscribe CHANNEL")
    check.equal(code, 0)
end)

check.test("dead letters are exit 7", function()
    local output, code = shell [[printf 'a\nbad\nc\n' |
        lua5.4 counter.lua 2>&1]]
    check.equal(code, 7)
    check.contains(output, "1 dead letter, the first: ")
    check.contains(output, "bad line")
end)

check.test("a class without process is an error of the program", function()
    local output, code = shell([[echo "local l = require 'lares'
        l.main(l.daemon 'x')" >x.lua; lua5.4 x.lua 2>&1 </dev/null]])
    check.contains(output, "x.process is nil")
    check.equal(code, 1)
end)

check.test("a file that is required does not run", function()
    local output, code = shell [[lua5.4 -e '
        local class = require "counter"
        assert(dofile "counter.lua" ~= class)
        print(class.kind)' </dev/null]]
    check.equal(output, "counter\n")
    check.equal(code, 0)
    check.equal((shell "echo a | lua5.4 -l counter -e 'print(1)'"), "1\n")
end)

return check.run()
