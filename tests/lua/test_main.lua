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

-- Counts on from an image, which `lua5.4 take.lua` writes beside its key.
local take = [[
local lares = require "lares"
local Sum = require "sum"
local node <close> = lares.node "east"
node:register(Sum)
local key = lares.key(("k"):rep(32))
local sum = node:spawn("sum", {identity = key, publish = "sums",
    subscribe = {"numbers"}, argument = "="})
sum:subscribe("numbers", "pool")
sum:deliver "40"
for name, data in pairs {image = sum:snapshot(), key = key:seed()} do
    local file = io.open(name, "wb")
    file:write(data)
    file:close()
end
]]
local sum = [[
local lares = require "lares"
local Sum = lares.daemon "sum"
function Sum:init() self.n = 0 end
function Sum:process(event)
    self.n = self.n + event.data
    return self.argument .. self.n
end
function Sum:snapshot() return tostring(self.n) end
function Sum:restore(state) self.n = math.tointeger(state) end
return lares.main(Sum)
]]

local function write(path, text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
end

-- Run a shell command in a folder that holds counter.lua, and return its
-- output and exit code.
local function shell(command, keyword)
    local folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    write(folder .. "/counter.lua", source:format(keyword or "return"))
    write(folder .. "/take.lua", take)
    write(folder .. "/sum.lua", sum)
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

check.test("an image is gone on from", function()
    local output, code = shell [[lua5.4 take.lua && printf '1\n1\n' |
        lua5.4 sum.lua --restore image --key key --json \
            --subscribe numbers --publish sums]]
    check.contains(output, [["sequence":2,"text":"=41"}]])
    check.contains(output, [["sequence":3,"text":"=42"}]])
    check.equal(code, 0)
    output = shell [[lua5.4 take.lua && echo 2 | lua5.4 sum.lua \
        --restore image --key key --argument : \
        --subscribe numbers --publish sums]]
    check.equal(output, ":42\n")
end)

check.test("the image says where lines go; in two groups it is one channel",
    function()
        local output, code = shell [[lua5.4 take.lua && echo 2 |
            lua5.4 sum.lua --restore image --key key 2>&1]]
        check.equal(output, "=42\n")
        check.equal(code, 0)
    end)

check.test("an image that cannot be gone on from says why", function()
    local function refused(options, text, expected)
        local output, code = shell(("lua5.4 take.lua && lua5.4 sum.lua %s "
            .. "2>&1 </dev/null"):format(options))
        check.contains(output, text)
        check.equal(code, expected)
    end
    refused("--restore nowhere", "nowhere: No such file", 4)
    refused("--restore .", ".: Is a directory", 1)
    refused("--restore image", "image: ", 5)
    refused("--restore key", "key: ", 1)
    refused("--restore image --key key --kind sum",
        "--kind: the image says which kind it is", 2)
    refused("--restore image --key key --option publish=x", "publish", 2)
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

check.test("an array may hold handlers", function()
    local output, code = shell [[cat >both.lua <<'END' &&
local lares = require "lares"
local Echo = lares.daemon "echo"
function Echo:process(event) return event.data end
return lares.main {lares.handler("heal", print), Echo}
END
        echo a | lua5.4 both.lua]]
    check.equal(output, "a\n")
    check.equal(code, 0)
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
